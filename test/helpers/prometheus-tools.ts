import { execFileSync } from 'node:child_process'

/** Whether a program of Debian's package `prometheus` is here. */
function hasProgram(name: 'prometheus' | 'promtool'): boolean {
  try {
    execFileSync(name, ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** Why a test that needs it is left out; false when it need not be. */
export const without = (name: 'prometheus' | 'promtool'): string | false =>
  hasProgram(name) ? false : `there is no ${name} here (Debian: apt-get install prometheus)`
