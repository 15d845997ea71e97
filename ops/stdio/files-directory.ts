import { mkdirSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { isAbsolute, join, parse } from 'node:path'
import { GatewayError } from '#shared/errors.ts'
import { ToolError } from '#shared/tool-error.ts'
import type { SavedFiles } from '../../worker/tool-kit/context.ts'

const MOST_OF_ONE_NAME = 1000
const MAX_NAME_BYTES = 200
const MAX_EXTENSION_BYTES = 40

/**
 * The directory that the person set in STDIO_FILES, made when it is not there; undefined when none is set. Throws
 * ERR_CONFIG when it cannot be used.
 */
export function filesDirectory(directory: string | undefined): SavedFiles | undefined {
  if (!directory) return undefined
  if (!isAbsolute(directory)) throw unusable('STDIO_FILES must be an absolute path.')
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
  } catch (cause) {
    throw unusable(`STDIO_FILES: ${directory} cannot be made a directory.`, cause)
  }
  return { save: (filename, content) => saveIn(directory, filename, content) }
}

async function saveIn(directory: string, filename: string, content: Buffer): Promise<string> {
  const { name, ext } = parse(asName(filename))
  for (let count = 1; count <= MOST_OF_ONE_NAME; count += 1) {
    const path = join(directory, count === 1 ? `${name}${ext}` : `${name} (${count})${ext}`)
    try {
      // 'wx' follows no link and never writes over what is there.
      await writeFile(path, content, { flag: 'wx', mode: 0o600 })
      return path
    } catch (cause) {
      if (!isThere(cause))
        throw new ToolError('upstream_unavailable', 'The file could not be saved.', {
          cause,
          retryable: false
        })
    }
  }
  throw new ToolError('invalid_argument', 'There are too many files of this name.')
}

/** A name that stays in its directory, whoever made it, and that file systems take (at most 255 bytes). */
function asName(written: string): string {
  const last = written.split(/[/\\\0]/).at(-1) ?? ''
  const { name, ext } = parse(last)
  if (/^\.*$/.test(name)) return 'attachment'
  let cut = name
  while (Buffer.byteLength(cut) > MAX_NAME_BYTES) cut = cut.slice(0, -1).toWellFormed()
  return cut + (Buffer.byteLength(ext) > MAX_EXTENSION_BYTES ? '' : ext)
}

const isThere = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'EEXIST'

const unusable = (message: string, cause?: unknown): GatewayError =>
  new GatewayError('ERR_CONFIG', message, { cause })
