// Every screen is a chunk of its own, fetched when it is first opened. The viewer, the room and the players belong to
// src/viewer and src/room and are dark pages of their own, outside the shell.
import { createBrowserRouter, type RouteObject } from "react-router";
import { RequireSession } from "./ui/RequireSession";
import { RouteError } from "./ui/RouteError";
import { Blank } from "./ui/states";

const shellRoutes: RouteObject[] = [
  { index: true, lazy: () => import("./screens/home/page") },
  { path: "profile", lazy: () => import("./screens/profile/page") },
  { path: "*", lazy: () => import("./screens/notfound/page") },
];

export const router = createBrowserRouter([
  {
    errorElement: <RouteError />,
    hydrateFallbackElement: <Blank />,
    children: [
      { path: "/sign-in", lazy: () => import("./screens/signin/page") },
      {
        element: <RequireSession />,
        children: [
          { path: "/studies/:id/view", lazy: () => import("./viewer/page") },
          { path: "/rooms/:id", lazy: () => import("./room/page") },
          { path: "/", lazy: () => import("./ui/Shell"), children: shellRoutes },
        ],
      },
    ],
  },
]);
