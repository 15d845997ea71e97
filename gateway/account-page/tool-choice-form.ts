import {
  type OperatorPolicy,
  type PersonPolicy,
  RISKS,
  type Risk,
  TOOL_MODES,
  TOOL_SETS,
  type ToolMode,
  type ToolSet
} from '#shared/tool-policy.ts'
import { type Html, html } from '../web/html.ts'

const SET_IN_WORDS: Record<ToolSet, string> = {
  core: 'Core: the few that most people use. Short answers, and room for the rest of the conversation.',
  extended: 'Extended: also threads, drafts, labels, filters and settings to look at.',
  all: 'All: also what changes your settings or deletes for good.'
}

const MODE_IN_WORDS: Record<ToolMode, string> = {
  'read-only': 'Only read: nothing in your mailbox is changed.',
  'draft-only': 'Never send: mail is only saved as a draft, for you to send.',
  'no-delete': 'Never delete for good. The bin stays.'
}

const RISK_IN_WORDS: Record<Risk, string> = {
  'outside-domain': 'mail to somebody outside your domain',
  'new-recipients': 'mail to somebody you have never written to',
  forwarding: 'mail that is sent on',
  'forwarding-filters': 'a filter that sends mail on',
  'mass-changes': 'a change of many messages at once'
}

/** The fields of the form in which a person says what applications may do with the tools. */
export const toolChoice = ({
  operator,
  chosen
}: {
  readonly operator: OperatorPolicy
  readonly chosen: PersonPolicy
}): Html => {
  const offered = TOOL_SETS.slice(0, TOOL_SETS.indexOf(operator.set) + 1)
  const present = offered.includes(chosen.set) ? chosen.set : operator.set
  return html`<h2>What applications may use</h2>
<label class="field"><span>Tools</span><select name="set">${offered.map(
    (set) =>
      html`<option value="${set}"${set === present ? html` selected` : undefined}>${SET_IN_WORDS[set]}</option>`
  )}</select></label>
${boxes('modes', TOOL_MODES, operator.modes, chosen.modes, MODE_IN_WORDS)}
<p class="soft">Ask you first about:</p>
${boxes('confirm', RISKS, operator.confirm, chosen.confirm, RISK_IN_WORDS)}
<p class="soft">To delete for good always asks you.</p>
<button>Save</button>`
}

/** Boxes to tick. What the operator has ticked for everybody cannot be taken away. */
const boxes = <W extends string>(
  name: string,
  words: readonly W[],
  forEverybody: readonly W[],
  chosen: readonly W[],
  inWords: Readonly<Record<W, string>>
): Html[] =>
  words.map((word) => {
    const isFixed = forEverybody.includes(word)
    const isChosen = isFixed || chosen.includes(word)
    return html`<p><label><input type="checkbox" name="${name}" value="${word}"${isChosen ? html` checked` : undefined}${isFixed ? html` disabled` : undefined}> ${inWords[word]}${isFixed ? ' (for everybody here)' : ''}</label></p>
`
  })
