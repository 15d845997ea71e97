import { ENTER, signInBy, typedAtTerminal } from '../sign-in.ts'
import { commandLine } from './command-line.ts'

const SESSION = '@lab'

/** Its sessions are kept by a process of its own, which ends with `close`. */
export const mcpc = commandLine({
  name: 'mcpc',
  packages: ['@apify/mcpc@0.2.6'],
  because: {
    'ended by operator':
      'it calls a session that met a 404 expired, and begins a new one only when it is told to (`mcpc restart`)'
  },
  begin: async ({ bin }, { url, token }) => [
    ...[bin('mcpc'), 'connect', url, SESSION],
    ...(token === undefined ? [] : ['--header', `Authorization: Bearer ${token}`])
  ],
  list: ({ bin }) => [bin('mcpc'), SESSION, 'tools-list', '--json'],
  call: ({ bin }, _target, tool, args) => [
    ...[bin('mcpc'), SESSION, 'tools-call', tool, JSON.stringify(args)]
  ],
  end: ({ bin }) => [bin('mcpc'), 'close', SESSION],
  signIn: (place, { url }, person) =>
    signInBy(place, person, {
      command: typedAtTerminal(`${place.home.bin('mcpc')} login ${url}`, [ENTER]),
      until: /Authentication successful|profile .*saved|Successfully/i
    })
})
