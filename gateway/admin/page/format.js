const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB']

/** Bytes, as people read them. @param {number | null} bytes */
export function size(bytes) {
  if (bytes === null) return '–'
  let amount = bytes
  let unit = 0
  while (amount >= 1024 && unit < UNITS.length - 1) {
    amount /= 1024
    unit += 1
  }
  return `${amount >= 100 || unit === 0 ? Math.round(amount) : amount.toFixed(1)} ${UNITS[unit]}`
}

/** Seconds, in two units at most. @param {number | null} seconds */
export function time(seconds) {
  if (seconds === null) return '–'
  if (seconds < 10) return `${seconds.toFixed(1)} s`
  if (seconds < 60) return `${Math.floor(seconds)} s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`
  if (seconds < 86_400)
    return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`
  return `${Math.floor(seconds / 86_400)} d ${Math.floor((seconds % 86_400) / 3600)} h`
}

/** How long ago. @param {string | null} moment ISO 8601 @param {number} now */
export function ago(moment, now) {
  if (moment === null) return 'never'
  const seconds = Math.max(0, (now - Date.parse(moment)) / 1000)
  if (seconds < 10) return 'just now'
  const [first = '', unit = ''] = time(seconds).split(' ')
  return `${first} ${unit} ago`
}

/** @param {number} count */
export const count = (count) => count.toLocaleString('en')

/** In the clock of whoever looks. @param {string} moment ISO 8601 */
export const clockTime = (moment) => new Date(moment).toLocaleTimeString('en-GB')

/** @param {string} moment ISO 8601 */
export const fullTime = (moment) => {
  const at = new Date(moment)
  return `${at.toLocaleDateString('sv')} ${at.toLocaleTimeString('en-GB')}`
}

/** @param {number} n @param {string} one @param {string} [many] */
export const plural = (n, one, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`
