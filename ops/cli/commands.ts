interface Command {
  /** What it does, for `--help`. */
  readonly about: string
  /** Runs it in this process, with the arguments that are left. Absent where it takes a process of its own. */
  readonly load?: () => Promise<unknown>
}

/** The programs of the package. */
export const COMMANDS = {
  demo: {
    about: 'a stand-in for Google and the gateway in front of it, with invented people',
    load: () => import('../demo.ts')
  },
  stdio: {
    about: 'the tools for one person, over stdin and stdout; `stdio sign-in` signs in',
    load: () => import('../stdio.ts')
  },
  start: { about: 'the gateway, with the settings of the environment' },
  secrets: { about: 'makes, rotates and seals keys', load: () => import('../secrets.ts') },
  operator: { about: 'tokens of operators', load: () => import('../operator.ts') },
  doctor: {
    about: 'looks at all that a gateway needs, and says what to do',
    load: () => import('../doctor.ts')
  },
  admin: {
    about: 'what a running gateway does; ends calls, sessions, people',
    load: () => import('../admin.ts')
  },
  backup: { about: 'copies the database of a running gateway', load: () => import('../backup.ts') },
  restore: {
    about: 'puts a backup in the place of the database',
    load: () => import('../restore.ts')
  },
  'migrate-store': {
    about: 'copies a SQLite database into PostgreSQL',
    load: () => import('../migrate-store.ts')
  },
  sandbox: {
    about: 'the stand-in for Google alone, for tests of other programs',
    load: () => import('../sandbox/main.ts')
  }
} as const satisfies Record<string, Command>

/** Whether there is such a command. */
export const isCommand = (name: string): name is keyof typeof COMMANDS =>
  Object.hasOwn(COMMANDS, name)

/** What `--help` prints. */
export function usage(): string {
  const width = Math.max(...Object.keys(COMMANDS).map((name) => name.length))
  return [
    'gmail-mcp-gateway [COMMAND] [ARGUMENT ...]     (no command: demo)',
    '',
    ...Object.entries(COMMANDS).map(([name, { about }]) => `  ${name.padEnd(width)}  ${about}`),
    ''
  ].join('\n')
}
