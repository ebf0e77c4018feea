/** The configuration as JSON Schema: for editors, and for the reference in docs/configuration.md. */

import { z } from 'zod';
import { GatewaySchema } from './schema.ts';

export interface JsonSchema {
  readonly type?: string;
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

/** JSON Schema (draft 2020-12) of what a configuration file may hold. */
export function configJsonSchema(): JsonSchema {
  return z.toJSONSchema(GatewaySchema, { io: 'input', unrepresentable: 'any' }) as JsonSchema;
}
