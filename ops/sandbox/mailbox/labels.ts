import { GoogleError, invalid, notFound } from '../google-error.ts'
import { LABEL_COLORS } from './label-palette.ts'
import { FIXED_LABELS, SYSTEM_LABELS } from './system-labels.ts'

export interface LabelColor {
  readonly textColor: string
  readonly backgroundColor: string
}

export interface LabelFields {
  readonly name: string
  readonly messageListVisibility?: 'show' | 'hide' | undefined
  readonly labelListVisibility?: 'labelShow' | 'labelShowIfUnread' | 'labelHide' | undefined
  readonly color?: LabelColor | undefined
}

export interface Label extends LabelFields {
  readonly id: string
  readonly type: 'system' | 'user'
}

const MAX_LABELS = 10_000
const MAX_NAME = 225

/** The labels of one mailbox. Refuses with a GoogleError what Gmail refuses. */
export class Labels {
  readonly #labels = new Map<string, Label>(
    SYSTEM_LABELS.map((id) => [id, { id, name: id, type: 'system' }])
  )
  #lastId = 0

  list(): Label[] {
    return [...this.#labels.values()]
  }

  get(id: string): Label {
    const label = this.#labels.get(id)
    if (!label) throw notFound()
    return label
  }

  has(id: string): boolean {
    return this.#labels.has(id)
  }

  /** By name as people write it in a search: any case, blanks and slashes as `-` too. */
  named(name: string): Label | undefined {
    const wanted = searchForm(name)
    return this.list().find((label) => label.id === name || searchForm(label.name) === wanted)
  }

  create(fields: LabelFields): Label {
    if (this.#labels.size - SYSTEM_LABELS.length >= MAX_LABELS) throw invalid('Too many labels')
    this.#checkName(fields.name, undefined)
    checkColor(fields.color)
    this.#lastId += 1
    const label: Label = {
      messageListVisibility: 'show',
      labelListVisibility: 'labelShow',
      ...fields,
      id: `Label_${this.#lastId}`,
      type: 'user'
    }
    this.#labels.set(label.id, label)
    return label
  }

  /** Changes what is given. */
  change(id: string, fields: Partial<LabelFields>): Label {
    const label = this.get(id)
    if (label.type === 'system') throw invalid('Cannot update a system label')
    if (fields.name !== undefined) this.#checkName(fields.name, id)
    checkColor(fields.color)
    const changed = { ...label, ...fields }
    this.#labels.set(id, changed)
    return changed
  }

  delete(id: string): void {
    if (this.get(id).type === 'system') throw invalid('Invalid delete request')
    this.#labels.delete(id)
  }

  /** Throws unless a client may add or remove all of these labels. */
  checkChange(add: readonly string[], remove: readonly string[]): void {
    if (add.length > 100 || remove.length > 100) throw invalid('Too many labels in one request')
    for (const id of [...add, ...remove]) {
      if (!this.has(id) || FIXED_LABELS.has(id)) throw invalid(`Invalid label: ${id}`)
    }
    const both = add.find((id) => remove.includes(id))
    if (both !== undefined) throw invalid(`Cannot both add and remove the same label: ${both}`)
  }

  snapshot(): readonly Label[] {
    return this.list().filter(({ type }) => type === 'user')
  }

  restore(labels: readonly Label[]): void {
    for (const label of labels) {
      this.#labels.set(label.id, label)
      this.#lastId = Math.max(this.#lastId, Number(label.id.slice('Label_'.length)))
    }
  }

  #checkName(name: string, ownId: string | undefined): void {
    if (name.trim() === '' || name.length > MAX_NAME) throw invalid('Invalid label name')
    const wanted = name.toLowerCase()
    if (RESERVED.has(wanted) || /^\/|\/$|\/\//.test(name)) throw invalid('Invalid label name')
    const other = this.list().find(({ name: taken }) => taken.toLowerCase() === wanted)
    if ((other && other.id !== ownId) || wanted === CONFLICTING) {
      throw new GoogleError('aborted', 'Label name exists or conflicts')
    }
  }
}

/** "Invalid label name": GAM-team/got-your-back#95 (Drafts, Trash), #316 and #350 (Muted), gauteh/lieer#52 (Trash). */
const RESERVED: ReadonlySet<string> = new Set([
  ...SYSTEM_LABELS.map((id) => id.toLowerCase()),
  'all mail',
  'bin',
  'chats',
  'drafts',
  'muted'
])

/** Gmail keeps it for itself and lists it to nobody (mbrt/gmailctl#414). */
const CONFLICTING = 'indef'

const searchForm = (name: string) => name.toLowerCase().replace(/[\s/&]+/g, '-')

function checkColor(color: LabelColor | undefined): void {
  if (!color) return
  for (const value of [color.textColor, color.backgroundColor]) {
    if (!LABEL_COLORS.has(value?.toLowerCase())) {
      throw invalid(`Label color ${value} is not on the allowed color palette`)
    }
  }
}
