/** The program of one account's process. Started by the gateway, never by hand. */
import './zod-config.ts'
import { VERSION } from '#shared/version.ts'
import { runWorker } from './runtime.ts'
import { createWorkerProgram } from './wiring.ts'

runWorker(VERSION, createWorkerProgram)
