/** A cell of a table, as text. */
export interface Cell {
  readonly text: string
  readonly colspan: number
  readonly rowspan: number
}

export interface Table {
  readonly rows: readonly (readonly Cell[])[]
  /** Whether its author says that it has a heading, so that its columns mean something. */
  readonly hasHeading: boolean
  /** Whether its author says that it is for layout only, or there are tables in it. */
  readonly isLayout: boolean
}

/** A longer cell is a text beside others, not an entry of a table. */
const MAX_ENTRY_CHARS = 100
const MAX_SPAN = 50

/** A table with each row on a line and tabs between the cells; where cells are whole texts, one below the other. */
export function tableText({ rows, hasHeading, isLayout }: Table): string {
  const isEntry = ({ text }: Cell) =>
    !text.includes('\n') && (hasHeading || text.length <= MAX_ENTRY_CHARS)
  const isPlain = !isLayout && rows.every((row) => row.every(isEntry))
  const lines = isPlain
    ? withPlaces(rows).map((row) => row.join('\t'))
    : rows.map((row) => flowing(row, isEntry))
  return lines
    .map((line) => line.replace(/[ \t]+$/, ''))
    .filter((line) => line !== '')
    .join('\n')
}

function flowing(row: readonly Cell[], isEntry: (cell: Cell) => boolean): string {
  let out = ''
  let wasEntry = false
  for (const cell of row) {
    if (cell.text === '') continue
    const isOne = isEntry(cell)
    if (out !== '') out += wasEntry && isOne ? '\t' : '\n'
    out += cell.text
    wasEntry = isOne
  }
  return out
}

/** Cells that reach over several rows or columns leave the places they cover empty, so that columns stay below each other. */
function withPlaces(rows: readonly (readonly Cell[])[]): string[][] {
  const covered: number[] = []
  return rows.map((row) => {
    const line: string[] = []
    const skip = () => {
      while ((covered[line.length] ?? 0) > 0) {
        covered[line.length] = (covered[line.length] ?? 0) - 1
        line.push('')
      }
    }
    for (const { text, colspan, rowspan } of row) {
      skip()
      for (let step = 0; step < Math.min(colspan, MAX_SPAN); step += 1) {
        covered[line.length] = Math.min(rowspan, MAX_SPAN) - 1
        line.push(step === 0 ? text : '')
      }
    }
    skip()
    return line
  })
}
