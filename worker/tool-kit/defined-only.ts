type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> }

/** The object without what is undefined: Gmail takes an absent field as "leave it". */
export function definedOnly<T extends object>(object: T): Defined<T> {
  const defined: Defined<T> = { ...object }
  for (const key in defined) if (defined[key] === undefined) delete defined[key]
  return defined
}
