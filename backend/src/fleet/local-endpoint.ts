/** The endpoint of the machine that the product runs on, but for its name. */
export const LOCAL_ENDPOINT = {
  parentId: null,
  kind: 'local',
  url: null,
  externalId: null,
  enabled: true,
  allowActions: false,
  tlsCa: null,
  tlsCert: null,
  tlsKeySealed: null,
  tlsVerify: true,
  apiKeySealed: null,
} as const
