import type { Readable } from 'node:stream'

const LONGEST = 8192

/** Calls `hear` with each line of a stream of text. What is beyond 8 KiB in a line is dropped. */
export function forEachLine(stream: Readable, hear: (line: string) => void): void {
  let begun = ''
  stream.setEncoding('utf8')
  stream.on('data', (text: string) => {
    const lines = text.split('\n')
    const last = lines.pop() ?? ''
    for (const line of lines) {
      hear(cut(begun + line))
      begun = ''
    }
    begun = cut(begun + last)
  })
  stream.once('end', () => {
    if (begun !== '') hear(begun)
    begun = ''
  })
}

const cut = (line: string): string => (line.length > LONGEST ? line.slice(0, LONGEST) : line)
