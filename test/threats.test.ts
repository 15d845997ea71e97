import { existsSync, readFileSync } from 'node:fs'
import t from 'tap'

const ROWS = 51
const path = (name: string): URL => new URL(`../${name}`, import.meta.url)
const read = (name: string): string => readFileSync(path(name), 'utf8')
const text = read('test/threats.md')

/** The table's rows, each as its cells. */
const rows = text
  .split('\n')
  .filter((line) => /^\| \d+ \|/.test(line))
  .map((line) =>
    line
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim())
  )

const PROOF = /^`(test\/[\w./-]+\.test\.ts)`: “(.+)”$/

/** The titles of a file’s tests, outer and inner, and of those that run on each engine of the store. */
const titlesIn = (file: string): string[] =>
  [...read(file).matchAll(/\b(?:test|onEach)\(\s*(['"`])(.*?)\1,/gs)].map(
    ([, , title = '']) => title
  )

t.test('the table has every threat once, in order', async (t) => {
  t.same(
    rows.map(([number]) => Number(number)),
    Array.from({ length: ROWS }, (_, i) => i + 1)
  )
  for (const row of rows) t.ok(row.length === 5 && row.every((cell) => cell !== ''), String(row[0]))
})

t.test('every threat names tests that exist, by file and title', async (t) => {
  for (const [number, , , , proofs = ''] of rows) {
    for (const proof of proofs.split(/; (?=`)/)) {
      const [, file = '', title = ''] = PROOF.exec(proof) ?? []
      const exists = file !== '' && existsSync(path(file))
      t.ok(exists && titlesIn(file).includes(title), `${number}: ${proof}`)
    }
  }
})

t.test('what stands against a threat is in files that exist', async (t) => {
  for (const [number, , , against = ''] of rows) {
    const named = [...against.matchAll(/`([\w./-]+\.\w+)`/g)].map(([, file = '']) => file)
    for (const file of named) t.ok(existsSync(path(file)), `${number}: ${file}`)
  }
})
