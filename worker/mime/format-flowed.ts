/**
 * Text of `format=flowed` as it was before it was wrapped (RFC 3676): lines that end in a blank go on in the next one of
 * the same quote depth. With `delSp` that blank was put there for it, as between Japanese words.
 */
export function unflowed(text: string, delSp: boolean): string {
  const out: string[] = []
  let open: { depth: number; text: string } | undefined
  for (const line of text.split(/\r?\n/).map(parsed)) {
    if (open && (open.depth !== line.depth || line.isMark)) {
      out.push(shown(open))
      open = undefined
    }
    const own = line.isSoft && delSp ? line.content.slice(0, -1) : line.content
    open = { depth: line.depth, text: (open?.text ?? '') + own }
    if (line.isSoft) continue
    out.push(line.isMark ? `${marks(line.depth)}-- ` : shown(open))
    open = undefined
  }
  if (open) out.push(shown(open))
  return out.join('\n')
}

interface Line {
  readonly depth: number
  readonly content: string
  /** Whether it goes on in the next one. */
  readonly isSoft: boolean
  /** Whether it stands above a signature, which is no soft line end (section 4.3). */
  readonly isMark: boolean
}

function parsed(line: string): Line {
  const depth = /^>*/.exec(line)?.[0].length ?? 0
  const bare = line.slice(depth)
  // A blank in front was put there so that the line does not look like something else (section 4.4).
  const content = bare.startsWith(' ') ? bare.slice(1) : bare
  const isMark = content === '-- '
  return { depth, content, isMark, isSoft: content.endsWith(' ') && !isMark }
}

const marks = (depth: number): string => (depth === 0 ? '' : `${'>'.repeat(depth)} `)

const shown = ({ depth, text }: { depth: number; text: string }): string =>
  (marks(depth) + text).trimEnd()
