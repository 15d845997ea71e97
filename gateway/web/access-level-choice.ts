import { ACCESS_LEVELS, type AccessLevel, covers } from '#shared/access-levels.ts'
import { LEVEL_IN_WORDS, LEVEL_NAME } from './access-level-labels.ts'
import { type Html, html } from './html.ts'

/**
 * The levels to choose from, least first: those up to what was asked for at once, the higher ones behind one more click.
 * The person may give less than was asked for, and more.
 */
export function levelChoice(asked: AccessLevel): Html {
  const usual = ACCESS_LEVELS.filter((level) => covers(asked, level))
  const more = ACCESS_LEVELS.filter((level) => !usual.includes(level))
  return html`<fieldset>
<legend>What it may do</legend>
${usual.map((level) => choice(level, asked))}${
  more.length === 0
    ? undefined
    : html`<details><summary>Allow more than it asks for</summary>
${more.map((level) => choice(level, asked))}</details>`
}</fieldset>`
}

const choice = (level: AccessLevel, asked: AccessLevel): Html =>
  html`<label><input type="radio" name="level" value="${level}"${level === asked ? html` checked` : undefined}> <span>${LEVEL_NAME[level]}${level === asked ? html` <span class="tag">asked for</span>` : undefined}<small>${LEVEL_IN_WORDS[level]}</small></span></label>
`
