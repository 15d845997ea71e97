import type { Target } from '../client.ts'
import type { Home } from '../home.ts'
import { signInBy } from '../sign-in.ts'
import { commandLine } from './command-line.ts'

const ENV = {
  MCP_AUTO_OPEN_ENABLED: 'true',
  // Where there is no keychain it keeps tokens in memory, which ends with each command.
  MCP_INSPECTOR_SECRET_STORE: 'file'
}

export const inspector = commandLine({
  name: 'Inspector (command line)',
  packages: ['@modelcontextprotocol/inspector@2.12.0'],
  list: (home, target) => [...to(home, target), '--method', 'tools/list'],
  call: (home, target, tool, args) => [
    ...to(home, target),
    ...['--method', 'tools/call', '--tool-name', tool],
    ...Object.entries(args).flatMap(([name, value]) => [
      '--tool-arg',
      `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`
    ])
  ],
  env: ENV,
  signIn: (place, target, person) =>
    signInBy(place, person, {
      command: [...to(place.home, target), '--relogin', '--method', 'tools/list'],
      env: ENV
    })
})

const to = ({ bin }: Home, { url, token }: Target) => [
  ...['node', bin('mcp-inspector'), '--cli', url, '--transport', 'http'],
  ...(token === undefined ? [] : ['--header', `Authorization: Bearer ${token}`])
]
