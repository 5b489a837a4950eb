import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { App as AntdApp, ConfigProvider } from "antd";
import { useSyncExternalStore } from "react";
import { RouterProvider } from "react-router";
import { ApiError } from "./api/client";
import { antdWords } from "./i18n";
import { router } from "./routes";
import { lightTheme } from "./ui/theme";

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      // What was refused stays refused; what failed on the way is tried again.
      retry: (count, error) => count < 2 && (!(error instanceof ApiError) || error.status === 0 || error.status >= 500),
      networkMode: "always",
    },
    mutations: { networkMode: "always" },
  },
});

export function App() {
  const words = useSyncExternalStore(antdWords.subscribe, antdWords.get);
  return (
    <ConfigProvider theme={lightTheme} locale={words} button={{ autoInsertSpace: false }} wave={{ disabled: true }}>
      <AntdApp component={false} notification={{ placement: "bottomRight" }}>
        <QueryClientProvider client={queryClient}>
          <RouterProvider router={router} />
        </QueryClientProvider>
      </AntdApp>
    </ConfigProvider>
  );
}
