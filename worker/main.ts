/** The program of one account's process. Started by the gateway, never by hand. */
import './zod-config.ts'
import { VERSION } from '#shared/version.ts'
import { gmailWorker } from './gmail-worker.ts'
import { runWorker } from './host.ts'

runWorker(VERSION, gmailWorker)
