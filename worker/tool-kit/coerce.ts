import * as z from 'zod'

/** Schemas that also take what some clients send instead: arrays, numbers and booleans as strings. */

const parsed = (value: unknown): unknown => {
  if (typeof value !== 'string') return value
  const text = value.trim()
  if (!text.startsWith('[') && !text.startsWith('{')) return value
  try {
    return JSON.parse(text)
  } catch {
    return value
  }
}

const asList = (value: unknown): unknown => {
  const list = parsed(value)
  return typeof list === 'string' && list.trim() !== '' ? [list] : list
}

/** Strings; also a JSON array as text, or one string alone. */
export const stringList = (min: number, max: number) =>
  z.preprocess(asList, z.array(z.string().min(1)).min(min).max(max))

/**
 * Lines of the form "Name: value"; also an object of values by name, or either as JSON text. An object whose keys are
 * free is what neither Gemini's function declarations nor OpenAI's strict schemas can say, so the list is what is shown.
 */
export const lineList = (max: number) =>
  z.preprocess((value) => {
    const lines = asList(value)
    if (typeof lines !== 'object' || lines === null || Array.isArray(lines)) return lines
    return Object.entries(lines).map(([name, text]) =>
      typeof text === 'string' ? `${name}: ${text}` : text
    )
  }, z.array(z.string()).max(max))

/** Objects of one shape; also as JSON text. */
export const objectList = <T extends z.ZodType>(item: T, max: number) =>
  z.preprocess(parsed, z.array(item).max(max))

/** An object; also as JSON text. */
export const objectOf = <T extends z.ZodType>(shape: T) => z.preprocess(parsed, shape)

/** A whole number within bounds; also as text. */
export const int = (min: number, max: number) =>
  z.preprocess(
    (value) => (typeof value === 'string' && /^-?\d+$/.test(value.trim()) ? Number(value) : value),
    z.int().min(min).max(max)
  )

/** The number of a part of a message, such as "1" or "0.2"; also as a number, which some clients make of it. */
export const partName = () =>
  z.preprocess((value) => (typeof value === 'number' ? String(value) : value), z.string().max(100))

/** A truth value; also as text. */
export const flag = () =>
  z.preprocess((value) => {
    if (value === 'true') return true
    return value === 'false' ? false : value
  }, z.boolean())
