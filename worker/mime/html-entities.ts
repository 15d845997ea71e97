const ENTITY = /&(#x?[0-9a-f]{1,6}|[a-z]{2,8});?/gi

/** Text of HTML with the few entities that are common in mail; others stay as they are. */
export const decodeEntities = (text: string): string =>
  text.replace(ENTITY, (whole, name: string) => decoded(name) ?? whole)

function decoded(name: string): string | undefined {
  if (name.startsWith('#')) {
    const code = /^#x/i.test(name) ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1))
    return code > 0 && code <= 0x10ffff && Number.isInteger(code) ? String.fromCodePoint(code) : ' '
  }
  return {
    nbsp: ' ',
    amp: '&',
    lt: '<',
    gt: '>',
    quot: '"',
    zwnj: '',
    shy: '',
    ensp: ' ',
    emsp: ' '
  }[name.toLowerCase()]
}
