import { env } from 'node:process'
import tailwind from '@tailwindcss/vite'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'
import { compression } from 'vite-plugin-compression2'

const backend = `http://127.0.0.1:${env.PORT ?? 3051}`

export default defineConfig({
  plugins: [
    react(),
    tailwind(),
    // Once and thoroughly here, instead of quickly for each reader.
    compression({ include: /\.(js|css|svg)$/, threshold: 1024, algorithms: ['brotliCompress'] }),
  ],
  build: {
    target: 'es2022',
    // Data URIs would need `data:` in the content security policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: {
    host: '127.0.0.1',
    port: 5173,
    proxy: {
      '/api': backend,
      '/health': backend,
      '/socket.io': { target: backend, ws: true },
    },
  },
})
