import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import * as z from 'zod'
import { moduleFile } from '#shared/module-file.ts'

const Ready = z.object({
  url: z.string(),
  clientId: z.string(),
  clientSecret: z.string(),
  users: z.array(z.object({ email: z.string(), sub: z.string() }))
})

export interface SandboxProcess extends z.infer<typeof Ready> {
  /** Ends it and waits until it has written its state. */
  close(): Promise<void>
}

const MAIN = moduleFile('../sandbox/main', import.meta.url)

/** Starts the stand-in for Google as a process of its own, which ends with this one however that ends. */
export async function startSandboxProcess(
  directory: string,
  users: string
): Promise<SandboxProcess> {
  const child = spawn(process.execPath, [MAIN], {
    env: {
      ...process.env,
      SANDBOX_USERS: users,
      SANDBOX_STATE: join(directory, 'sandbox.json')
    },
    stdio: ['ignore', 'pipe', 'inherit', 'ipc']
  })
  const exited = once(child, 'exit')
  if (!child.stdout) throw new Error('The sandbox has no stdout.')
  const [line] = await Promise.race([
    once(createInterface({ input: child.stdout }), 'line'),
    exited.then(() => Promise.reject(new Error('The sandbox did not start.')))
  ])
  const ready = Ready.parse(JSON.parse(String(line)))
  return {
    ...ready,
    async close() {
      child.kill('SIGTERM')
      await exited
    }
  }
}
