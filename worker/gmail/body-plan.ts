import { partHeader } from './attachment.ts'
import type { MessagePart } from './mailbox.ts'

/** Something of a message that is read, in the order of the message. */
export type Piece =
  | {
      readonly kind: 'text' | 'html' | 'calendar' | 'message' | 'report'
      readonly part: MessagePart
    }
  /** Forms of the same thing, of which one is read (RFC 2046, section 5.1.4). */
  | { readonly kind: 'choice'; readonly forms: readonly (readonly Piece[])[] }

/** What the parts of a message are for, by its structure. */
export interface BodyPlan {
  readonly pieces: readonly Piece[]
  /** Parts that are files, in order. A text that stands among others under a name is read and is a file as well. */
  readonly files: readonly MessagePart[]
  /** Whether there are parts that were not looked at. */
  readonly isCut: boolean
}

/** A message with more parts, or deeper ones, is hostile; the rest is not looked at. */
const MAX_PARTS = 1000
const MAX_DEPTH = 50

/** Text for people, which programs show in place. */
const PROSE = /^text\/(plain|html|markdown|x-markdown|enriched|richtext|rtf-plain)$/
const REPORT =
  /^message\/(delivery-status|global-delivery-status|disposition-notification|global-disposition-notification|feedback-report)$/
const MESSAGE = /^message\/(rfc822|global|news)$/
/** Forms for a few programs only, beside one for everybody: AMP mail and text for watches. */
const SPECIAL_FORM = /^text\/(x-amp-html|amp-html|watch-html|x-watch-html)$/
const SIGNATURE =
  /^application\/(pgp-signature|pkcs7-signature|x-pkcs7-signature|pgp-keys-signature)$/
const CALENDAR = /^(text\/calendar|application\/ics)$/
const NO_PROSE = /^text\/(css|javascript|ecmascript)$/

/** Type of a part in lower case; what is none is plain text (RFC 2045, section 5.2). */
export function typeOf({ mimeType }: MessagePart): string {
  const type = mimeType?.toLowerCase() ?? ''
  return type.includes('/') ? type : 'text/plain'
}

/** Plans the reading of a message that was fetched in full. */
export function bodyPlan(root: MessagePart | undefined): BodyPlan {
  const planner = new Planner()
  const pieces = root
    ? planner.piecesOf(root, { depth: 0, isAlone: true, isForm: false, isSigned: false })
    : []
  const { files } = planner
  const hasCalendar = (list: readonly Piece[]): boolean =>
    list.some((piece) =>
      piece.kind === 'choice' ? piece.forms.some(hasCalendar) : piece.kind === 'calendar'
    )
  // Some senders attach the invitation and nothing else.
  const attached = hasCalendar(pieces)
    ? undefined
    : files.find((part) => CALENDAR.test(typeOf(part)))
  return {
    pieces: attached ? [...pieces, { kind: 'calendar', part: attached }] : pieces,
    files,
    isCut: planner.isCut
  }
}

interface Place {
  readonly depth: number
  /** Whether nothing stands beside it: the whole message, or the root of a `related`. */
  readonly isAlone: boolean
  /** Whether it is one of several forms of the same. */
  readonly isForm: boolean
  readonly isSigned: boolean
}

class Planner {
  readonly files: MessagePart[] = []
  isCut = false
  #seen = 0
  #hasProse = false

  piecesOf(part: MessagePart, place: Place): Piece[] {
    this.#seen += 1
    if (this.#seen > MAX_PARTS || place.depth > MAX_DEPTH) {
      this.isCut = true
      return []
    }
    const type = typeOf(part)
    return type.startsWith('multipart/')
      ? this.#container(part, type, place)
      : this.#leaf(part, type, place)
  }

  #container(part: MessagePart, type: string, outer: Place): Piece[] {
    const children = part.parts ?? []
    const inner = {
      ...outer,
      depth: outer.depth + 1,
      isAlone: false,
      isSigned: type === 'multipart/signed'
    }
    switch (type) {
      case 'multipart/alternative':
        return this.#forms(children, inner)
      case 'multipart/related':
        return this.#related(part, children, inner)
      default:
        return children.flatMap((child) =>
          this.piecesOf(child, { ...inner, isAlone: outer.isAlone && children.length === 1 })
        )
    }
  }

  #forms(children: readonly MessagePart[], inner: Place): Piece[] {
    const usual = children.filter((child) => !SPECIAL_FORM.test(typeOf(child)))
    const shown = usual.length > 0 ? usual : children
    const read = shown.map((child) => this.piecesOf(child, { ...inner, isForm: true }))
    // An invitation is no form of its words: it says more.
    const [forms, beside] = [
      read.map((form) => form.filter(isForm)),
      read.flatMap((form) => form.filter((each) => !isForm(each)))
    ]
    const full = forms.filter((form) => form.length > 0)
    const choice: Piece[] = full.length > 1 ? [{ kind: 'choice', forms: full }] : (full[0] ?? [])
    return [...choice, ...beside]
  }

  /** The root, and what refers to nothing and is referred to by nothing, so that it stands there for itself. */
  #related(part: MessagePart, children: readonly MessagePart[], inner: Place): Piece[] {
    const start = /\bstart\s*=\s*"?([^";]+)/i
      .exec(partHeader(part, 'content-type') ?? '')?.[1]
      ?.trim()
    const named = children.findIndex((child) => partHeader(child, 'content-id')?.trim() === start)
    const root = start === undefined || named < 0 ? 0 : named
    return children.flatMap((child, at) => {
      const isReferredTo =
        partHeader(child, 'content-id') !== undefined ||
        partHeader(child, 'content-location') !== undefined
      const pieces = this.piecesOf(child, {
        ...inner,
        isAlone: at === root,
        isForm: at === root && inner.isForm
      })
      if (at === root || !isReferredTo) return pieces
      const isKnown = this.files.includes(child)
      if (pieces.length > 0 && !isKnown && !typeOf(child).startsWith('multipart/'))
        this.files.push(child)
      return []
    })
  }

  #leaf(part: MessagePart, type: string, place: Place): Piece[] {
    if (place.isSigned && SIGNATURE.test(type)) return []
    const isFile = /^\s*attachment\b/i.test(partHeader(part, 'content-disposition') ?? '')
    // What is the whole message is read, whatever it calls itself.
    const isAll = place.isAlone && PROSE.test(type)
    const kind = kindOf(type, isFile && !isAll)
    if (isFile && isAll) this.files.push(part)
    const isNamed = Boolean(part.filename) || isFile
    switch (kind) {
      case 'report':
        if (isNamed) this.files.push(part)
        return [{ kind, part }]
      case 'message':
      case 'calendar':
        this.files.push(part)
        return [{ kind, part }]
      case 'file':
        this.files.push(part)
        return []
      default:
        return this.#text(part, type, kind, place)
    }
  }

  /** A text is read where it stands; one with a name is a file as well, unless it is what the message says. */
  #text(part: MessagePart, type: string, kind: 'text' | 'html', place: Place): Piece[] {
    const hasName = Boolean(part.filename)
    if (hasName && !PROSE.test(type)) {
      this.files.push(part)
      return place.isAlone ? [{ kind, part }] : []
    }
    if (hasName && !place.isAlone && !place.isForm && this.#hasProse) this.files.push(part)
    this.#hasProse = true
    return [{ kind, part }]
  }
}

function kindOf(
  type: string,
  isFile: boolean
): 'text' | 'html' | 'calendar' | 'message' | 'report' | 'file' {
  if (MESSAGE.test(type)) return 'message'
  if (REPORT.test(type)) return 'report'
  if (isFile || !type.startsWith('text/') || NO_PROSE.test(type)) return 'file'
  if (type === 'text/calendar') return 'calendar'
  return type === 'text/html' ? 'html' : 'text'
}

const isForm = (piece: Piece): boolean =>
  piece.kind === 'text' || piece.kind === 'html' || piece.kind === 'choice'
