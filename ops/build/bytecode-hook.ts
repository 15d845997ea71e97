/**
 * Runs a bundled worker (first argument), and when its parent lets it go writes the bytecode of all that it
 * has compiled until then (second argument).
 */
import { writeFileSync } from 'node:fs'
import { compileProgram } from '../../worker/process/compile-program.ts'

const [, , program = '', bytecode = ''] = process.argv
const compiled = compileProgram(program, undefined)
process.on('exit', (code) => {
  if (code === 0) writeFileSync(bytecode, compiled.bytecode())
})
compiled.run()
