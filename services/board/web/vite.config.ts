import { fileURLToPath } from 'node:url'
import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vite'

// Offices run 360 and 奇安信 browsers on Chromium cores from 86 on.
const oldestCore = 'chrome86'

export default defineConfig({
  plugins: [vue()],
  resolve: {
    alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) },
  },
  define: {
    __VUE_OPTIONS_API__: 'false',
    __VUE_PROD_DEVTOOLS__: 'false',
    __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: 'false',
    __VUE_I18N_FULL_INSTALL__: 'false',
    __VUE_I18N_LEGACY_API__: 'false',
    __INTLIFY_PROD_DEVTOOLS__: 'false',
  },
  build: {
    outDir: 'dist/app',
    target: oldestCore,
    cssTarget: oldestCore,
    // No inline script and no data: font or picture, so that the content security policy can forbid both.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 1000,
  },
  server: {
    // `npm run dev` shows an installation that runs on this machine.
    proxy: { '^/zonebench\\.': { target: process.env.BOARD ?? 'http://127.0.0.1:7880' } },
  },
})
