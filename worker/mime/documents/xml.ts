import { TextDecoder } from 'node:util'
import { Parser } from 'htmlparser2'

/** What to do at each thing of an XML document. Names come without their prefix. */
export interface XmlReader {
  opened?(name: string, attributes: Readonly<Record<string, string>>): void
  closed?(name: string): void
  text?(text: string): void
  /** The rest is not wanted. */
  isDone(): boolean
}

/** No honest document is deeper, and what is takes time that grows with the square of it. */
const MAX_DEPTH = 1000

/**
 * Reads XML as it comes, whatever its size. It knows no entities but XML's own five and numbers, so none can grow or name a file; what is
 * broken is read as far as it makes sense.
 */
export async function readXml(chunks: AsyncIterable<Uint8Array>, reader: XmlReader): Promise<void> {
  let depth = 0
  const parser = new Parser(
    {
      onopentag(name, attributes) {
        depth += 1
        reader.opened?.(local(name), attributes)
      },
      onclosetag(name) {
        depth -= 1
        reader.closed?.(local(name))
      },
      ontext: (text) => reader.text?.(text)
    },
    { xmlMode: true, decodeEntities: true }
  )
  let decoder: TextDecoder | undefined
  for await (const chunk of chunks) {
    decoder ??= new TextDecoder(charsetOf(chunk))
    parser.write(decoder.decode(chunk, { stream: true }))
    if (reader.isDone() || depth > MAX_DEPTH) return
  }
  parser.end(decoder?.decode())
}

const local = (name: string): string => name.slice(name.indexOf(':') + 1)

/** XML 1.0, appendix F: UTF-16 begins with a mark. */
const charsetOf = ([first, second]: Uint8Array): string => {
  if (first === 0xff && second === 0xfe) return 'utf-16le'
  return first === 0xfe && second === 0xff ? 'utf-16be' : 'utf-8'
}
