import { QueryCache, QueryClient } from '@tanstack/react-query'
import { ApiError } from './api/problem.ts'

/** Answers of the API that asking again will not change. */
const isFinal = (error: Error) => error instanceof ApiError && error.status >= 400 && error.status < 500

const signedOutListeners = new Set<() => void>()

/** Called when the API no longer knows who asks: the session has ended or was ended. */
export function onSignedOut(listener: () => void): () => void {
  signedOutListeners.add(listener)
  return () => signedOutListeners.delete(listener)
}

export const queryClient = new QueryClient({
  queryCache: new QueryCache({
    onError(error) {
      if (!(error instanceof ApiError) || error.code !== 'unauthorized') return
      for (const listener of signedOutListeners) listener()
    },
  }),
  defaultOptions: {
    queries: {
      staleTime: 5000,
      retry: (failures, error) => !isFinal(error) && failures < 2,
      refetchOnWindowFocus: true,
    },
  },
})
