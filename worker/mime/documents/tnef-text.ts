/** The words and the names of the files in a `winmail.dat` (MS-OXTNEF), which Outlook sends. */
import { decompressRTF } from '@kenjiuno/decompressrtf'
import { decodeText } from '../charset.ts'
import { type Gathered, UnreadableDocument } from './limits.ts'
import { rtfText } from './rtf-text.ts'

const MAX_ATTRIBUTES = 5000
const MAX_PROPERTIES = 5000

/** Ids of attributes (2.1.3.1). */
const ATTRIBUTE = {
  subject: 0x00018004,
  body: 0x0002800c,
  properties: 0x00069003,
  fileTitle: 0x00018010,
  fileData: 0x0006800f
} as const
/** PidTagRtfCompressed (MS-OXPROPS). */
const RTF_COMPRESSED = 0x1009

/** What stands in the attributes, gathered. */
interface Found {
  subject?: string
  body?: string
  rich?: Buffer
  readonly files: { readonly name: string; size: number }[]
}

export function tnefText(bytes: Uint8Array, out: Gathered): void {
  const found: Found = { files: [] }
  for (const { id, data } of attributesIn(
    Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  ))
    note(id, data, found)
  const { subject, body, rich, files } = found
  if (subject !== undefined) out.add(`Subject: ${subject}\n\n`)
  if (body?.trim()) out.add(body)
  else if (rich) rtfText(rich, out)
  if (files.length > 0)
    out.add(
      `\n\nFiles inside:\n${files.map(({ name, size }) => `- ${name} (${size} bytes)`).join('\n')}`
    )
}

/** Each has a level, an id, a length, that many bytes, and a sum of them (2.1.3). */
function* attributesIn(buffer: Buffer): Iterable<{ readonly id: number; readonly data: Buffer }> {
  let at = 6
  for (let count = 0; count < MAX_ATTRIBUTES && at + 9 <= buffer.length; count += 1) {
    const id = buffer.readUInt32LE(at + 1)
    const length = buffer.readUInt32LE(at + 5)
    const data = buffer.subarray(at + 9, at + 9 + length)
    if (data.length < length) throw new UnreadableDocument('The winmail.dat is broken.')
    yield { id, data }
    at += 9 + length + 2
  }
}

function note(id: number, data: Buffer, found: Found): void {
  switch (id) {
    case ATTRIBUTE.subject:
      found.subject ??= asText(data)
      break
    case ATTRIBUTE.body:
      found.body ??= asText(data)
      break
    case ATTRIBUTE.properties: {
      const rich = rtfIn(data)
      if (rich) found.rich ??= rich
      break
    }
    case ATTRIBUTE.fileTitle:
      found.files.push({ name: asText(data), size: 0 })
      break
    case ATTRIBUTE.fileData: {
      const file = found.files.at(-1)
      if (file) file.size = data.length
      break
    }
  }
}

const asText = (data: Buffer): string => decodeText(data, 'windows-1252').replace(/\0+$/, '')

/** Goes through MAPI properties (2.1.3.4) as far as their form is known. */
function rtfIn(data: Buffer): Buffer | undefined {
  let at = 4
  for (let count = 0; count < MAX_PROPERTIES && at + 4 <= data.length; count += 1) {
    const type = data.readUInt16LE(at)
    const id = data.readUInt16LE(at + 2)
    at += 4
    if (id >= 0x8000) return undefined // a name follows, which nobody here needs
    const fixed = SIZES[type]
    if (fixed !== undefined) {
      at += fixed
      continue
    }
    if (!VARIABLE.has(type) || at + 8 > data.length) return undefined
    const length = data.readUInt32LE(at + 4)
    const value = data.subarray(at + 8, at + 8 + length)
    if (id === RTF_COMPRESSED && value.length === length)
      return Buffer.from(decompressRTF([...value]))
    at += 8 + length + ((4 - (length % 4)) % 4)
  }
  return undefined
}

/** Bytes of properties of one size, filled up to four. */
const SIZES: Readonly<Record<number, number>> = {
  2: 4,
  3: 4,
  4: 4,
  5: 8,
  6: 8,
  7: 8,
  10: 4,
  11: 4,
  20: 8,
  64: 8,
  72: 16
}
const VARIABLE = new Set([0x0d, 0x1e, 0x1f, 0x102])
