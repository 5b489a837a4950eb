/* One browser process, one test at a time: a room with several participants fills two processors by itself. */
import { defineConfig } from "@playwright/test";

export default defineConfig({
    testDir: ".",
    // screens.pictures.ts is no test: it makes pictures of every screen for people to look at (CONSILIUM_E2E_PICTURES=1 tests/e2e/run)
    testMatch: process.env.CONSILIUM_E2E_PICTURES ? "screens.pictures.ts" : "*.spec.ts",
    workers: 1,
    fullyParallel: false,
    timeout: 180_000,
    expect: { timeout: 15_000 },
    retries: 0,
    globalSetup: "./lib/global-setup.ts",
    outputDir: "../../build/e2e",
    use: {
        actionTimeout: 15_000,
        ignoreHTTPSErrors: true,
        locale: "en",
        viewport: { width: 1440, height: 900 },
        trace: "retain-on-failure",
        screenshot: "only-on-failure",
        permissions: ["camera", "microphone"],
        launchOptions: {
            executablePath: "/usr/bin/chromium",
            args: [
                "--no-sandbox",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--disable-gpu",
                "--use-gl=angle",
                "--use-angle=swiftshader",
                "--enable-unsafe-swiftshader",
                "--use-fake-device-for-media-stream=fps=10", // six browsers with a picture of 720 lines share two processors
                "--use-fake-ui-for-media-stream",
                "--auto-accept-this-tab-capture",
            ],
        },
    },
});
