/** Colours and columns for the terminal; plain text where it is none. */

import { stripVTControlCharacters, styleText } from 'node:util';

type Format = Parameters<typeof styleText>[0];

const colours = process.stdout.isTTY === true && process.env.NO_COLOR === undefined;

const paint =
  (format: Format) =>
  (text: string): string =>
    colours ? styleText(format, text, { validateStream: false } as never) : text;

export const bold = paint('bold');
export const dim = paint('dim');
export const green = paint('green');
export const red = paint('red');
export const cyan = paint('cyan');
export const yellow = paint('yellow');
export const heading = paint(['bold', 'cyan']);

const WIDEST = 118;

/** Columns to fill. */
export const width = Math.min(WIDEST, process.stdout.columns ?? WIDEST);

export const padStart = (text: string, columns: number): string =>
  ' '.repeat(Math.max(0, columns - lengthOf(text))) + text;

export const padEnd = (text: string, columns: number): string =>
  text + ' '.repeat(Math.max(0, columns - lengthOf(text)));

/** Cuts what is too long, with an ellipsis. Of plain text. */
export const cut = (text: string, columns: number): string =>
  text.length <= columns ? text : `${text.slice(0, Math.max(0, columns - 1))}…`;

const lengthOf = (text: string): number => stripVTControlCharacters(text).length;
