import type { QueryClient } from '@tanstack/react-query'
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  notFound,
  Outlet,
  redirect,
  retainSearchParams,
} from '@tanstack/react-router'
import { auditSearch } from '../features/audit/audit-search.ts'
import { containerSearch } from '../features/containers/container-search.ts'
import { containersSearch } from '../features/containers/containers-search.ts'
import { eventsSearch } from '../features/events/events-search.ts'
import { hostSearch } from '../features/hosts/host-search.ts'
import { hostsSearch } from '../features/hosts/hosts-search.ts'
import { imagesSearch } from '../features/images/images-search.ts'
import { networksSearch } from '../features/networks/networks-search.ts'
import { settingsSearch } from '../features/settings/settings-search.ts'
import { stackSearch, stacksSearch } from '../features/stacks/stacks-search.ts'
import { storageSearch } from '../features/storage/storage-search.ts'
import { authQuery, endpointsQuery, overviewQuery } from '../lib/api/queries.ts'
import { queryClient } from '../lib/query-client.ts'
import { defineSearch, integerParam, parseSearch, stringifySearch, textParam } from '../lib/search.ts'
import { texts } from '../lib/texts.ts'
import { AppLayout } from './app-layout.tsx'
import { PageError, PageNotFound, PagePending, RootError, RootNotFound } from './page-states.tsx'

interface RouterContext {
  queryClient: QueryClient
}

/** A loader asks for what is not known yet while the code of its page is on its way; nothing waits for the answer. */
const UNLESS_KNOWN = { staleTime: Number.POSITIVE_INFINITY }

const rootRoute = createRootRouteWithContext<RouterContext>()({
  component: Outlet,
  errorComponent: RootError,
  notFoundComponent: RootNotFound,
})

const setupRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/setup',
  validateSearch: defineSearch({ token: textParam }),
  component: lazyRouteComponent(() => import('../features/setup/setup-page.tsx'), 'SetupPage'),
})

const loginRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/login',
  validateSearch: defineSearch({ next: textParam }),
  component: lazyRouteComponent(() => import('../features/login/login-page.tsx'), 'LoginPage'),
})

const appSearch = defineSearch({ endpoint: integerParam })

const appRoute = createRoute({
  getParentRoute: () => rootRoute,
  id: 'app',
  validateSearch: appSearch,
  // The endpoint chosen at the top stays while one walks from page to page.
  search: { middlewares: [retainSearchParams<ReturnType<typeof appSearch>>(['endpoint'])] },
  beforeLoad: async ({ context, location }) => {
    const auth = await context.queryClient.ensureQueryData(authQuery)
    if (auth.user || auth.preview) return
    if (auth.setupRequired) throw redirect({ to: '/setup', search: {} })
    throw redirect({ to: '/login', search: location.href === '/' ? {} : { next: location.href } })
  },
  loader: () => void queryClient.prefetchQuery({ ...endpointsQuery, ...UNLESS_KNOWN }),
  component: AppLayout,
})

const endpointParams = {
  parse: ({ endpointId }: { endpointId: string }) => {
    const id = Number(endpointId)
    if (!Number.isSafeInteger(id)) throw notFound()
    return { endpointId: id }
  },
  stringify: ({ endpointId }: { endpointId: number }) => ({ endpointId: String(endpointId) }),
}

const overviewRoute = createRoute({
  getParentRoute: () => appRoute,
  path: '/',
  staticData: { crumb: texts.nav.overview, byEndpoint: true },
  loader: () => void queryClient.prefetchQuery({ ...overviewQuery, ...UNLESS_KNOWN }),
  component: lazyRouteComponent(() => import('../features/overview/overview-page.tsx'), 'OverviewPage'),
})

const hostsRoute = createRoute({
  getParentRoute: () => appRoute,
  path: '/hosts',
  staticData: { crumb: texts.nav.hosts, byEndpoint: true },
  validateSearch: hostsSearch,
  component: lazyRouteComponent(() => import('../features/hosts/hosts-page.tsx'), 'HostsPage'),
})

const hostRoute = createRoute({
  getParentRoute: () => appRoute,
  path: '/hosts/$endpointId',
  params: endpointParams,
  staticData: {
    crumb: texts.nav.host,
    crumbEndpoint: true,
    crumbParent: { label: texts.nav.hosts, to: '/hosts' },
  },
  validateSearch: hostSearch,
  component: lazyRouteComponent(() => import('../features/hosts/host-page.tsx'), 'HostPage'),
})

const containersRoute = createRoute({
  getParentRoute: () => appRoute,
  path: '/containers',
  staticData: { crumb: texts.nav.containers, byEndpoint: true },
  validateSearch: containersSearch,
  component: lazyRouteComponent(() => import('../features/containers/containers-page.tsx'), 'ContainersPage'),
})

const containerRoute = createRoute({
  getParentRoute: () => appRoute,
  path: '/containers/$endpointId/$containerName',
  params: {
    parse: (raw: { endpointId: string; containerName: string }) => ({
      ...endpointParams.parse(raw),
      containerName: raw.containerName,
    }),
    stringify: (params: { endpointId: number; containerName: string }) => ({
      ...endpointParams.stringify(params),
      containerName: params.containerName,
    }),
  },
  validateSearch: containerSearch,
  staticData: {
    crumbParam: 'containerName',
    crumbParent: { label: texts.nav.containers, to: '/containers' },
  },
  component: lazyRouteComponent(() => import('../features/containers/container-page.tsx'), 'ContainerPage'),
})

const stacksRoute = createRoute({
  getParentRoute: () => appRoute,
  path: '/stacks',
  staticData: { crumb: texts.nav.stacks, byEndpoint: true },
  validateSearch: stacksSearch,
  component: lazyRouteComponent(() => import('../features/stacks/stacks-page.tsx'), 'StacksPage'),
})

const stackRoute = createRoute({
  getParentRoute: () => appRoute,
  path: '/stacks/$endpointId/$stackName',
  params: {
    parse: (raw: { endpointId: string; stackName: string }) => ({
      ...endpointParams.parse(raw),
      stackName: raw.stackName,
    }),
    stringify: (params: { endpointId: number; stackName: string }) => ({
      ...endpointParams.stringify(params),
      stackName: params.stackName,
    }),
  },
  validateSearch: stackSearch,
  staticData: { crumbParam: 'stackName', crumbParent: { label: texts.nav.stacks, to: '/stacks' } },
  component: lazyRouteComponent(() => import('../features/stacks/stack-page.tsx'), 'StackPage'),
})

const imagesRoute = createRoute({
  getParentRoute: () => appRoute,
  path: '/images',
  staticData: { crumb: texts.nav.images, byEndpoint: true },
  validateSearch: imagesSearch,
  component: lazyRouteComponent(() => import('../features/images/images-page.tsx'), 'ImagesPage'),
})

const networksRoute = createRoute({
  getParentRoute: () => appRoute,
  path: '/networks',
  staticData: { crumb: texts.nav.networks, byEndpoint: true },
  validateSearch: networksSearch,
  component: lazyRouteComponent(() => import('../features/networks/networks-page.tsx'), 'NetworksPage'),
})

const eventsRoute = createRoute({
  getParentRoute: () => appRoute,
  path: '/events',
  staticData: { crumb: texts.nav.events, byEndpoint: true },
  validateSearch: eventsSearch,
  component: lazyRouteComponent(() => import('../features/events/events-page.tsx'), 'EventsPage'),
})

const storageRoute = createRoute({
  getParentRoute: () => appRoute,
  path: '/storage',
  staticData: { crumb: texts.nav.storage },
  validateSearch: storageSearch,
  component: lazyRouteComponent(() => import('../features/storage/storage-page.tsx'), 'StoragePage'),
})

const backupsRoute = createRoute({
  getParentRoute: () => appRoute,
  path: '/backups',
  staticData: { crumb: texts.nav.backups },
  component: lazyRouteComponent(() => import('../features/backups/backups-page.tsx'), 'BackupsPage'),
})

const settingsRoute = createRoute({
  getParentRoute: () => appRoute,
  path: '/settings',
  staticData: { crumb: texts.nav.settings },
  validateSearch: settingsSearch,
  component: lazyRouteComponent(() => import('../features/settings/settings-page.tsx'), 'SettingsPage'),
})

const auditRoute = createRoute({
  getParentRoute: () => appRoute,
  path: '/audit',
  staticData: { crumb: texts.nav.audit },
  validateSearch: auditSearch,
  component: lazyRouteComponent(() => import('../features/audit/audit-page.tsx'), 'AuditPage'),
})

const systemRoute = createRoute({
  getParentRoute: () => appRoute,
  path: '/system',
  staticData: { crumb: texts.nav.system },
  component: lazyRouteComponent(() => import('../features/system/system-page.tsx'), 'SystemPage'),
})

const doctorRoute = createRoute({
  getParentRoute: () => appRoute,
  path: '/doctor',
  staticData: { crumb: texts.nav.doctor },
  component: lazyRouteComponent(() => import('../features/doctor/doctor-page.tsx'), 'DoctorPage'),
})

// Development only: neither the route nor its code is in a build.
const developmentRoutes = import.meta.env.DEV
  ? [
      createRoute({
        getParentRoute: () => appRoute,
        path: '/design',
        staticData: { crumb: texts.nav.design },
        component: lazyRouteComponent(() => import('../features/design/design-page.tsx'), 'DesignPage'),
      }),
    ]
  : []

const routeTree = rootRoute.addChildren([
  setupRoute,
  loginRoute,
  appRoute.addChildren([
    overviewRoute,
    hostsRoute,
    hostRoute,
    containersRoute,
    containerRoute,
    stacksRoute,
    stackRoute,
    imagesRoute,
    networksRoute,
    eventsRoute,
    storageRoute,
    backupsRoute,
    settingsRoute,
    auditRoute,
    systemRoute,
    doctorRoute,
    ...developmentRoutes,
  ]),
])

export const router = createRouter({
  routeTree,
  context: { queryClient },
  parseSearch,
  stringifySearch,
  defaultPreload: 'intent',
  defaultPreloadStaleTime: 0,
  defaultPendingComponent: PagePending,
  defaultPendingMs: 150,
  defaultErrorComponent: PageError,
  defaultNotFoundComponent: PageNotFound,
  scrollRestoration: true,
})

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router
  }
}
