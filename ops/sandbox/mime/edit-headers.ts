/** The same message without some header fields, and with others put first. Its body is not touched. */
export function editHeaders(
  raw: Buffer,
  { drop = [], add = [] }: { drop?: readonly string[]; add?: readonly string[] }
): Buffer {
  const text = raw.toString('latin1')
  const end = /\r?\n\r?\n/.exec(text)
  const head = end ? text.slice(0, end.index) : text
  const rest = end ? text.slice(end.index) : ''
  const unwanted = drop.map((name) => `${name.toLowerCase()}:`)
  const kept = head
    .split(/\r?\n(?![ \t])/)
    .filter((field) => !unwanted.some((start) => field.toLowerCase().startsWith(start)))
  return Buffer.from([...add.map(asBytes), ...kept].join('\r\n') + rest, 'latin1')
}

const asBytes = (line: string) => Buffer.from(line).toString('latin1')
