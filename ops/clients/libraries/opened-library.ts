import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

/** A library that has connected. */
export interface OpenedLibrary {
  readonly tools: readonly string[]
  /** What a program gets, and hands to its model. */
  call(tool: string, args: Readonly<Record<string, unknown>>): Promise<unknown>
  close(): Promise<void>
}

export type OpenLibrary = (
  url: string,
  headers: Readonly<Record<string, string>>
) => Promise<OpenedLibrary>

/** A package from the working directory, as far as `T` says what is used of it. */
export async function installed<T>(name: string): Promise<T> {
  const { resolve } = createRequire(join(process.cwd(), 'index.js'))
  return import(pathToFileURL(resolve(name)).href)
}
