/** The configuration as JSON Schema: for editors, and for the reference in docs/configuration.md. */

import { z } from 'zod';
import { ClientSchema } from './clientSchema.ts';
import { GatewaySchema } from './schema.ts';

export interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxItems?: number;
  readonly [keyword: string]: unknown;
}

/** JSON Schema (draft 2020-12) of what a gateway's configuration file may hold. */
export function configJsonSchema(): JsonSchema {
  return jsonSchema(GatewaySchema);
}

/** The same of a client's profile. */
export function profileJsonSchema(): JsonSchema {
  return jsonSchema(ClientSchema);
}

function jsonSchema(schema: z.ZodType): JsonSchema {
  return z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonSchema;
}
