import type { Column } from './columns.ts'
import type { Home } from './home.ts'
import type { ScriptedCall } from './stand-in-model/script.ts'
import type { StandInModel } from './stand-in-model/stand-in-model.ts'

/** Where a client is to connect. Without a token it has to sign in. */
export interface Target {
  readonly url: string
  readonly token?: string
}

/** What is there for a run of a client. */
export interface Place {
  readonly home: Home
  readonly model: StandInModel
}

/** What a run of a client came to. */
export interface Run {
  /** The tools that it lists or gives to its model. */
  readonly tools: readonly string[]
  /** What was given to the model, or printed, for each call, as JSON or text. */
  readonly given: readonly string[]
  /** All that reached the model in the end, images beside the results too. */
  readonly whole: string
  /** What it printed, for the reason when something is missing. */
  readonly output: string
}

/** A sign-in that a client began. */
export interface Person {
  /** Signs in at this address as the browser of somebody would, and follows to where the client listens. */
  signIn(url: string): Promise<void>
}

/** A real client, driven. */
export interface LabClient {
  /** As people call it. */
  readonly name: string
  /** What npm installs: `name@version`. The first is the client's own. */
  readonly packages: readonly string[]
  /** Whose words the column "given" holds. */
  readonly through: 'its model' | 'its output' | 'its result'
  /** Connects, lists, makes these calls one after the other, and ends. */
  run(place: Place, target: Target, calls: readonly ScriptedCall[]): Promise<Run>
  /** Signs in by OAuth; `run` without a token works after that. A text says why it cannot be done without people. */
  /** Why a column is no yes, where that lies with the client; seen, and looked up in its program. */
  readonly because?: Partial<Record<Column, string>> | undefined
  readonly signIn: string | ((place: Place, target: Target, person: Person) => Promise<void>)
}
