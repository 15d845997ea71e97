import ICAL from 'ical.js'
import { cleanLine, cleanText } from './clean-text.ts'

/** What a calendar object asks or tells (RFC 5546, section 1.4), by its method. */
const METHODS: Readonly<Record<string, string>> = {
  REQUEST: 'Invitation (an answer is wanted)',
  CANCEL: 'Cancelled by the organizer',
  REPLY: 'Answer to an invitation',
  COUNTER: 'Proposal of another time',
  DECLINECOUNTER: 'The proposed time was declined',
  REFRESH: 'Request for the newest version',
  ADD: 'Further dates of an event',
  PUBLISH: 'Event (no answer is wanted)'
}
const ANSWERS: Readonly<Record<string, string>> = {
  'NEEDS-ACTION': 'has not answered',
  ACCEPTED: 'accepts',
  DECLINED: 'declines',
  TENTATIVE: 'may come',
  DELEGATED: 'sends somebody else'
}
const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']
const MAX_CHARS = 1_000_000
const MAX_EVENTS = 50
const MAX_PEOPLE = 50
const MAX_LINE_CHARS = 1000

/** A calendar object (RFC 5545) in words: what, when and in which zone, where, who. Undefined when it is none. */
export function eventsInWords(source: string): string | undefined {
  let calendar: ICAL.Component
  try {
    const parsed: unknown = ICAL.parse(source.slice(0, MAX_CHARS).trim())
    if (!Array.isArray(parsed)) return undefined
    calendar = new ICAL.Component(parsed[0] === 'vcalendar' ? parsed : parsed[0])
  } catch {
    return undefined
  }
  const events = calendar
    .getAllSubcomponents()
    .filter(({ name }) => name === 'vevent' || name === 'vtodo')
  if (events.length === 0) return undefined
  const method = textOf(calendar, 'method')?.toUpperCase()
  const shown = events.slice(0, MAX_EVENTS).map((event) => inWords(event, method))
  const more = events.length - shown.length
  return cleanText([...shown, ...(more > 0 ? [`and ${more} more entries`] : [])].join('\n\n'))
}

function inWords(event: ICAL.Component, method: string | undefined): string {
  const isTask = event.name === 'vtodo'
  const usual = (method && METHODS[method]) ?? 'Event'
  const about = isTask ? usual.replace(/^(Event|Invitation)\b/, 'Task') : usual
  const line = (label: string, value: string | undefined): string =>
    value ? `${label}: ${value}` : ''
  const description = textOf(event, 'description')
  return [
    line(about, textOf(event, 'summary') ?? '(without a title)'),
    line('Status', textOf(event, 'status')?.toLowerCase()),
    line('When', when(event)),
    line('Due', timeOf(event, 'due')),
    line('Repeats', repeats(event)),
    line('Not on', times(event, 'exdate')),
    line('Also on', times(event, 'rdate')),
    line('In place of the date', timeOf(event, 'recurrence-id')),
    line('Where', textOf(event, 'location')),
    line('Link', textOf(event, 'x-google-conference') ?? textOf(event, 'url')),
    line('Organizer', people(event, 'organizer')[0]),
    line('Guests', people(event, 'attendee').join(', ')),
    line('Comment', textOf(event, 'comment')),
    description ? `Description:\n${cleanText(description).trim()}` : ''
  ]
    .filter((each) => each !== '')
    .join('\n')
}

function textOf(component: ICAL.Component, name: string): string | undefined {
  const value: unknown = component.getFirstPropertyValue(name)
  if (value === null || value === undefined) return undefined
  const text =
    name === 'description' ? String(value) : cleanLine(String(value)).slice(0, MAX_LINE_CHARS)
  return text === '' ? undefined : text
}

function when(event: ICAL.Component): string | undefined {
  const start = timeOf(event, 'dtstart')
  if (start === undefined) return undefined
  const length = event.getFirstPropertyValue('duration')
  const end = timeOf(event, 'dtend', true)
  if (end !== undefined && end !== start) return `${start} to ${end}`
  return length instanceof ICAL.Duration ? `${start}, for ${inMinutes(length)}` : start
}

function inMinutes(length: ICAL.Duration): string {
  const minutes = Math.round(length.toSeconds() / 60)
  if (minutes % 1440 === 0) return `${minutes / 1440} days`
  return minutes % 60 === 0 ? `${minutes / 60} hours` : `${minutes} minutes`
}

function timeOf(event: ICAL.Component, name: string, isEnd = false): string | undefined {
  const property = event.getFirstProperty(name)
  const value: unknown = property?.getFirstValue()
  if (!property || !(value instanceof ICAL.Time)) return undefined
  return written(value, property, isEnd)
}

function times(event: ICAL.Component, name: string): string {
  return event
    .getAllProperties(name)
    .flatMap((property) => property.getValues().map((value: unknown) => ({ property, value })))
    .slice(0, MAX_PEOPLE)
    .flatMap(({ property, value }) =>
      value instanceof ICAL.Time ? written(value, property, false) : []
    )
    .join(', ')
}

/** A time as its sender wrote it, with its zone: turning it into another one is what goes wrong. */
function written(time: ICAL.Time, property: ICAL.Property, isEnd: boolean): string {
  // The end of whole days is the first day after them (RFC 5545, section 3.6.1).
  const day = time.isDate && isEnd ? time.clone() : time
  if (time.isDate && isEnd) day.adjust(-1, 0, 0, 0)
  const name = DAYS[day.dayOfWeek() - 1]
  const date = `${name}, ${day.toString().slice(0, 10)}`
  if (time.isDate) return `${date} (whole day)`
  const zone = property.getFirstParameter('tzid')
  const isUtc = time.zone === ICAL.Timezone.utcTimezone
  const where = isUtc ? 'UTC' : zone ? cleanLine(zone).slice(0, 100) : 'no time zone given'
  return `${date} ${day.toString().slice(11, 16)} (${where})`
}

function repeats(event: ICAL.Component): string | undefined {
  const rule: unknown = event.getFirstPropertyValue('rrule')
  if (!(rule instanceof ICAL.Recur)) return undefined
  const every = rule.interval > 1 ? `every ${rule.interval} times, ` : ''
  const parts = Object.entries(rule.parts).map(([name, values]) => `${name} ${String(values)}`)
  return [
    `${every}${rule.freq.toLowerCase()}`,
    ...parts,
    rule.count ? `${rule.count} times` : '',
    rule.until ? `until ${rule.until.toString()}` : ''
  ]
    .filter((each) => each !== '')
    .join(', ')
    .slice(0, MAX_LINE_CHARS)
}

function people(event: ICAL.Component, name: string): string[] {
  const all = event.getAllProperties(name)
  const shown = all.slice(0, MAX_PEOPLE).map((property) => {
    const value: unknown = property.getFirstValue()
    const address = cleanLine(String(value ?? '')).replace(/^mailto:/i, '')
    const called = property.getFirstParameter('cn')
    const answer = property.getFirstParameter('partstat')
    const isWanted = property.getFirstParameter('rsvp')?.toUpperCase() === 'TRUE'
    const state = [
      (answer && ANSWERS[answer.toUpperCase()]) ?? '',
      isWanted ? 'answer wanted' : ''
    ].filter((each) => each !== '')
    return [
      called ? `${cleanLine(called)} <${address}>` : address,
      state.length > 0 ? ` (${state.join(', ')})` : ''
    ]
      .join('')
      .slice(0, MAX_LINE_CHARS)
  })
  const more = all.length - shown.length
  return more > 0 ? [...shown, `and ${more} more`] : shown
}
