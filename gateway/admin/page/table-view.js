import { el, setText } from './dom.js'
import { count, plural } from './format.js'
import { Table } from './table.js'

/** @typedef {import('./desk.js').Desk} Desk */

/**
 * A table with a search above it.
 * @template Row
 * @param {Desk} desk
 * @param {{ title: string, rows: () => readonly Row[], table: import('./table.js').TableParts<Row>,
 *   tools?: HTMLElement[], noun: [string, string?], part?: import('./desk.js').Part }} parts `part` may be cut
 * @returns {import('./views.js').View}
 */
export function tableView(desk, { title, rows, table: tableParts, tools = [], noun, part }) {
  const table = new Table({ ...tableParts, verbs: desk.mayChange ? (tableParts.verbs ?? []) : [] })
  const search = el('input', {
    type: 'search',
    placeholder: 'Search',
    'aria-label': `Search ${title.toLowerCase()}`,
    oninput: () => {
      table.search(search.value)
      tell()
    }
  })
  const told = el('span', { class: 'count' })
  const trouble = el('p', { class: 'said-above', role: 'alert' })
  const cut = el('p', { class: 'said-above note', role: 'status' })
  const tell = () => {
    const all = rows().length
    const shown = table.shown
    setText(
      told,
      shown === all ? plural(all, ...noun) : `${count(shown)} of ${plural(all, ...noun)}`
    )
  }
  const bar = el('div', { class: 'tools' }, el('h2', {}, title), search, told)
  if (desk.mayChange && tools.length > 0) bar.append(el('div', { class: 'end' }, ...tools))
  return {
    element: el('div', { class: 'view' }, bar, trouble, cut, table.element),
    update() {
      trouble.hidden = desk.warning === ''
      setText(trouble, desk.warning)
      const isCut = part !== undefined && desk.cut.has(part)
      cut.hidden = !isCut
      const some = plural(rows().length, ...noun)
      setText(
        cut,
        isCut
          ? `There are more than these ${some}: search and order are among them alone. npm run admin -- ${part} chooses among all.`
          : ''
      )
      table.update(rows())
      tell()
    }
  }
}
