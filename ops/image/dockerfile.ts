/** One stage of a Dockerfile, of which the image is made. */
export interface Stage {
  readonly name: string
  readonly image: string
  readonly directory: string
  readonly steps: readonly Step[]
  readonly env: Readonly<Record<string, string>>
  readonly user: string
  readonly entrypoint: readonly string[]
  readonly command: readonly string[]
  readonly healthcheck: readonly string[]
}

export type Step = CopyStep | RunStep

export interface CopyStep {
  readonly kind: 'copy'
  /** The stage that the sources lie in; undefined for the repository. */
  readonly from: string | undefined
  readonly sources: readonly string[]
  readonly target: string
}

export interface RunStep {
  readonly kind: 'run'
  readonly command: string
  /** Whether it changes the image's system, and not only the stage's directory. */
  readonly isOfTheSystem: boolean
}

type Draft = { -readonly [Key in keyof Stage]: Stage[Key] }

/**
 * Reads the instructions of a Dockerfile, as far as ours uses them: an instruction or an option that it does
 * not know throws, so that nothing is left out unseen. https://docs.docker.com/reference/dockerfile
 */
export function readDockerfile(text: string): readonly Stage[] {
  const stages: Draft[] = []
  for (const [instruction, rest] of instructions(text)) {
    if (instruction === 'FROM') {
      stages.push(newStage(rest))
      continue
    }
    const stage = stages.at(-1)
    const apply = INSTRUCTIONS[instruction]
    if (!stage || !apply) throw new Error(`The Dockerfile has an unexpected ${instruction}.`)
    apply(stage, rest)
  }
  return stages
}

/** What only changes the stage's own directory can be done on any machine. */
const OF_THE_APP = /^(npm ci( --omit=dev)?|npm run \S+)$/

const INSTRUCTIONS: Record<string, (stage: Draft, rest: string) => void> = {
  WORKDIR: (stage, rest) => {
    stage.directory = rest
  },
  RUN: (stage, command) =>
    add(stage, { kind: 'run', command, isOfTheSystem: !OF_THE_APP.test(command) }),
  COPY: (stage, rest) => add(stage, copyStep(rest)),
  ENV: (stage, rest) => {
    stage.env = { ...stage.env, ...Object.fromEntries(rest.split(/\s+/).map(assignment)) }
  },
  USER: (stage, rest) => {
    stage.user = rest
  },
  ENTRYPOINT: (stage, rest) => {
    stage.entrypoint = words(rest)
  },
  CMD: (stage, rest) => {
    stage.command = words(rest)
  },
  HEALTHCHECK: (stage, rest) => {
    stage.healthcheck = words(rest.slice(rest.indexOf('CMD ') + 'CMD '.length))
  },
  VOLUME: () => {},
  EXPOSE: () => {}
}

function add(stage: Draft, step: Step): void {
  stage.steps = [...stage.steps, step]
}

function instructions(text: string): [instruction: string, rest: string][] {
  return text
    .split('\n')
    .filter((line) => !line.trimStart().startsWith('#'))
    .join('\n')
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [instruction = ''] = line.split(' ', 1)
      return [instruction, line.slice(instruction.length).trim()]
    })
}

function newStage(rest: string): Draft {
  const [, image, name] = /^(\S+) AS (\S+)$/.exec(rest) ?? []
  if (image === undefined || name === undefined) throw new Error(`FROM ${rest}: name the stage.`)
  return {
    name,
    image,
    directory: '/',
    steps: [],
    env: {},
    user: 'root',
    entrypoint: [],
    command: [],
    healthcheck: []
  }
}

function copyStep(rest: string): CopyStep {
  const all = rest.split(/\s+/)
  const from = all[0]?.startsWith('--from=') ? all.shift()?.slice('--from='.length) : undefined
  const target = all.pop()
  if (target === undefined || all.some((word) => word.startsWith('--')))
    throw new Error(`COPY ${rest}: not understood.`)
  return { kind: 'copy', from, sources: all, target }
}

function assignment(text: string): [name: string, value: string] {
  const [name = '', ...value] = text.split('=')
  return [name, value.join('=')]
}

/** The exec form, which starts no shell. */
function words(json: string): string[] {
  const list: unknown = JSON.parse(json)
  if (!Array.isArray(list)) throw new Error(`${json}: use the exec form.`)
  return list.map(String)
}
