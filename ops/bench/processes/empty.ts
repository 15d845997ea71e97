/** An empty Node HTTP process: what any process that listens costs. */
import { createServer } from 'node:http'

const server = createServer((_request, response) => response.end())
server.listen(process.argv[2], () => process.send?.('listening'))
process.on('disconnect', () => process.exit(0))
