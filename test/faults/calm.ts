import { setTimeout as delay } from 'node:timers/promises'
import { askForLetter, type ChaosPerson } from './chaos-mail.ts'

interface CalmClient {
  readonly person: ChaosPerson
  ask(question: ReturnType<typeof askForLetter>): Promise<string>
}

/** Lets every client call until it is answered, `ms` at most. Gives how many were not in time. */
export async function calm(clients: readonly CalmClient[], ms: number): Promise<number> {
  const end = performance.now() + ms
  const answered = await Promise.all(
    clients.map(async (client) => {
      while (performance.now() < end) {
        if ((await client.ask(askForLetter(client.person, 1))) === 'answered') return true
        await delay(1000)
      }
      return false
    })
  )
  return answered.filter((is) => !is).length
}
