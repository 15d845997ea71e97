import { el, setText } from './dom.js'
import { count } from './format.js'

/**
 * @template Row
 * @typedef {object} Column
 * @property {string} label
 * @property {(row: Row) => string | number | null} value what it is sorted by
 * @property {(row: Row) => string} [text] what is shown; the value if absent
 * @property {(row: Row) => string} [look] a class for the cell
 * @property {(row: Row) => number} [share] of 1, drawn behind the text
 * @property {(row: Row) => void} [open] makes the cell a button that shows more
 * @property {boolean} [num]
 * @property {boolean} [mono]
 * @property {boolean} [wrap]
 * @property {2 | 3} [priority] left out on narrow screens: 3 before 2
 */
/**
 * @template Row
 * @typedef {object} Verb
 * @property {(row: Row) => string | null} label null when it does not fit this row
 * @property {(row: Row) => string} name for those who hear it: names the row
 * @property {(row: Row) => void} act
 */
/**
 * @template Row
 * @typedef {object} TableParts
 * @property {string} caption
 * @property {(row: Row) => string} key names a row, so that it stays the same row
 * @property {Column<Row>[]} columns
 * @property {Verb<Row>[]} [verbs]
 * @property {string} empty when there is nothing
 * @property {number} [sortBy] index of a column
 * @property {boolean} [descending]
 */

/** More at once would hold the browser up, and nobody reads so many. */
const MOST_SHOWN = 500

/**
 * A table that is searched, sorted, and brought up to date without losing its place or the focus.
 * @template Row
 */
export class Table {
  #parts
  #body = el('tbody')
  #below
  #heads
  /** @type {Map<string, { line: HTMLTableRowElement, update: (row: Row) => void }>} */
  #lines = new Map()
  /** @type {readonly Row[]} */
  #rows = []
  #search = ''
  #sortBy
  #descending

  /** @param {TableParts<Row>} parts */
  constructor(parts) {
    this.#parts = parts
    this.#sortBy = parts.sortBy ?? 0
    this.#descending = parts.descending ?? false
    this.#below = el('p', { class: 'empty' })
    this.#heads = parts.columns.map((column, index) =>
      el(
        'th',
        { scope: 'col', class: classOf({ ...column, mono: false }) },
        el('button', { type: 'button', onclick: () => this.#sort(index) }, column.label)
      )
    )
    const { verbs = [] } = parts
    this.element = el(
      'div',
      { class: 'region', tabindex: 0, role: 'region', 'aria-label': parts.caption },
      el(
        'table',
        {},
        el('caption', {}, parts.caption),
        el(
          'thead',
          {},
          el(
            'tr',
            {},
            ...this.#heads,
            verbs.length > 0 && el('th', { scope: 'col' }, el('span', { class: 'num' }, 'Actions'))
          )
        ),
        this.#body
      ),
      this.#below
    )
    this.#draw()
  }

  /** How many rows are shown. @returns {number} */
  get shown() {
    return this.#lines.size
  }

  /** @param {readonly Row[]} rows */
  update(rows) {
    this.#rows = rows
    this.#draw()
  }

  /** Shows only rows that have this somewhere, in any case. @param {string} text */
  search(text) {
    this.#search = text.trim().toLowerCase()
    this.#draw()
  }

  /** @param {number} index */
  #sort(index) {
    this.#descending = this.#sortBy === index ? !this.#descending : isNumber(this.#parts, index)
    this.#sortBy = index
    this.#draw()
  }

  #draw() {
    for (const [index, head] of this.#heads.entries()) {
      if (index !== this.#sortBy) head.removeAttribute('aria-sort')
      else head.setAttribute('aria-sort', this.#descending ? 'descending' : 'ascending')
    }
    const found = this.#sorted(this.#rows.filter((row) => this.#matches(row)))
    const shown = found.slice(0, MOST_SHOWN)
    const keys = new Set(shown.map((row) => this.#parts.key(row)))
    for (const [key, { line }] of this.#lines) {
      if (keys.has(key)) continue
      line.remove()
      this.#lines.delete(key)
    }
    const focused = document.activeElement
    for (const [place, row] of shown.entries()) this.#place(row, place)
    // A row that moved has lost the focus that was in it.
    if (focused instanceof HTMLElement && focused !== document.activeElement) focused.focus()
    this.#tell(found.length, shown.length)
  }

  /** What stands below the rows, if anything must be said. @param {number} found @param {number} shown */
  #tell(found, shown) {
    const nothing = this.#rows.length > 0 ? 'Nothing here matches the search.' : this.#parts.empty
    const more = `${count(found - shown)} more: search, or sort by another column.`
    setText(this.#below, shown === 0 ? nothing : more)
    this.#below.hidden = shown > 0 && found === shown
  }

  /** @param {Row} row @param {number} place */
  #place(row, place) {
    const key = this.#parts.key(row)
    const known = this.#lines.get(key) ?? this.#line(key, row)
    known.update(row)
    const there = this.#body.children[place]
    if (there !== known.line) this.#body.insertBefore(known.line, there ?? null)
  }

  /** @param {string} key @param {Row} first */
  #line(key, first) {
    const { columns, verbs = [] } = this.#parts
    let now = first
    const cells = columns.map((column) => cell(column, () => now))
    const buttons = verbs.map((verb) => verbButton(verb, () => now))
    const line = el(
      'tr',
      {},
      ...cells.map(({ element }) => element),
      verbs.length > 0 && el('td', { class: 'acts' }, ...buttons.map(({ element }) => element))
    )
    const update = (/** @type {Row} */ row) => {
      now = row
      for (const one of [...cells, ...buttons]) one.update(row)
    }
    const made = { line, update }
    this.#lines.set(key, made)
    return made
  }

  /** @param {Row} row */
  #matches(row) {
    if (this.#search === '') return true
    return this.#parts.columns.some((column) =>
      textOf(column, row).toLowerCase().includes(this.#search)
    )
  }

  /** @param {Row[]} rows */
  #sorted(rows) {
    const column = this.#parts.columns[this.#sortBy]
    if (!column) return rows
    const isDescending = this.#descending
    return rows.toSorted(
      (a, b) =>
        compare(column.value(a), column.value(b), isDescending) ||
        compare(this.#parts.key(a), this.#parts.key(b))
    )
  }
}

/** @template Row @param {Column<Row>} column @param {() => Row} row */
function cell(column, row) {
  const { open } = column
  const content = open
    ? el('button', { type: 'button', class: 'quiet', onclick: () => open(row()) })
    : el('span')
  const bar = column.share ? el('i') : null
  const element = el('td', {}, bar, content)
  return {
    element,
    /** @param {Row} one */
    update(one) {
      setText(content, textOf(column, one))
      const look = [classOf(column), column.look?.(one), bar && 'bar-cell']
      element.className = look.filter(Boolean).join(' ')
      if (bar) bar.style.width = `${Math.round(100 * (column.share?.(one) ?? 0))}%`
    }
  }
}

/** @template Row @param {Verb<Row>} verb @param {() => Row} row */
function verbButton(verb, row) {
  const element = el('button', { type: 'button', onclick: () => verb.act(row()) })
  return {
    element,
    /** @param {Row} one */
    update(one) {
      const label = verb.label(one)
      element.hidden = label === null
      setText(element, label ?? '')
      element.setAttribute('aria-label', `${label ?? ''} ${verb.name(one)}`)
    }
  }
}

/** @template Row @param {TableParts<Row>} parts @param {number} index */
const isNumber = ({ columns }, index) => columns[index]?.num === true

/** @template Row @param {Column<Row>} column @param {Row} row */
const textOf = (column, row) => column.text?.(row) ?? String(column.value(row) ?? '–')

/** @param {Pick<Column<never>, 'num' | 'mono' | 'wrap' | 'priority'>} column */
const classOf = ({ num, mono, wrap, priority }) =>
  [num && 'num', mono && 'mono', wrap && 'wrap', priority && `p${priority}`]
    .filter(Boolean)
    .join(' ')

/**
 * Numbers by size, words by the alphabet, what is missing last in either direction.
 * @param {string | number | null} a @param {string | number | null} b @param {boolean} [isDescending]
 */
function compare(a, b, isDescending = false) {
  if (a === b) return 0
  if (a === null) return 1
  if (b === null) return -1
  const order =
    typeof a === 'number' && typeof b === 'number'
      ? a - b
      : String(a).localeCompare(String(b), 'en', { numeric: true })
  return isDescending ? -order : order
}
