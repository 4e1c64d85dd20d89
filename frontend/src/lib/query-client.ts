import { QueryClient } from '@tanstack/react-query'
import { ApiError } from './api/problem.ts'

/** Answers of the API that asking again will not change. */
const isFinal = (error: Error) => error instanceof ApiError && error.status >= 400 && error.status < 500

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5000,
      retry: (failures, error) => !isFinal(error) && failures < 2,
      refetchOnWindowFocus: true,
    },
  },
})
