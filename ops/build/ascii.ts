import { readFile, writeFile } from 'node:fs/promises'

/**
 * Makes a bundled program ASCII. A worker reads its program byte by byte, as the bytecode wants it, and the bundler
 * escapes every text but the ones in regular expressions; there `\uXXXX` means the same as the character, in each of
 * their modes (ECMAScript, 22.2.1, RegExpUnicodeEscapeSequence). Throws where an escape would not mean the same.
 */
export async function makeAscii(file: string): Promise<void> {
  const source = await readFile(file, 'utf8')
  const raw = /String\.raw`[^`]*[^\0-\x7f]/.exec(source)?.[0]
  if (raw) throw new Error(`A raw template in ${file} cannot be made ASCII: ${raw.slice(0, 100)}`)
  const ascii = source.replace(
    /[^\0-\x7f]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
  )
  if (ascii !== source) await writeFile(file, ascii)
}

/** Throws when a file has a byte beyond ASCII. */
export async function assertAscii(file: string): Promise<void> {
  const bytes = await readFile(file)
  const at = bytes.findIndex((byte) => byte >= 0x80)
  if (at >= 0)
    throw new Error(
      `${file} has a byte beyond ASCII at ${at}: ${bytes.toString('latin1', Math.max(0, at - 40), at + 40)}`
    )
}
