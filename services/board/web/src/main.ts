import { createApp } from 'vue'
import AppShell from '@/app/AppShell.vue'
import { router } from '@/app/router'
import { i18n, language, speak } from '@/text/i18n'
import '@/app/theme'
import '@/design/tokens.css'
import '@/design/base.css'

speak(language.value)
createApp(AppShell).use(i18n).use(router).mount('#app')
