import { randomInt, timingSafeEqual } from 'node:crypto'

/** Without vowels, so that no word comes out, and without letters and digits that look alike. */
const LETTERS = 'BCDFGHJKLMNPQRSTVWXZ2346789'
const LENGTH = 8

/** A code that a person reads from a page and gives to their assistant: `BCDF-2346`, some 38 random bits. */
export function newUserCode(): string {
  const letters = Array.from({ length: LENGTH }, () => LETTERS[randomInt(LETTERS.length)])
  return `${letters.slice(0, LENGTH / 2).join('')}-${letters.slice(LENGTH / 2).join('')}`
}

/** Whether this is the code, however it is spaced and whatever its case. */
export function isUserCode(code: string, given: string): boolean {
  const [expected, actual] = [bare(code), bare(given)]
  return expected.length === actual.length && timingSafeEqual(expected, actual)
}

const bare = (code: string): Buffer => Buffer.from(code.toUpperCase().replace(/[\s-]/g, ''))
