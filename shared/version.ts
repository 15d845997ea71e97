/** The version of this program; a test compares it with package.json. */
export const VERSION = '0.1.0'

/** The version of the MCP SDK that workers are built with; a test compares it as well. */
export const MCP_SDK_VERSION = '2.4.0'
