/** Whole numbers of the command line. */

import { InvalidArgumentError } from 'commander';

/** @returns what takes an option's text. It throws InvalidArgumentError with `wanted` for anything else, and beyond the bounds */
export function wholeNumber(least: number, most: number, wanted = `It is ${least} to ${most}.`) {
  return (text: string): number => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < least || value > most) throw new InvalidArgumentError(wanted);
    return value;
  };
}
