// Every screen is a chunk of its own, fetched when it is first opened. The viewer, the room and the players belong to
// src/viewer and src/room and are dark pages of their own, outside the shell.
import { createBrowserRouter, type RouteObject } from "react-router";
import { RequireSession } from "./ui/RequireSession";
import { RouteError } from "./ui/RouteError";
import { Blank } from "./ui/states";

const shellRoutes: RouteObject[] = [
  { index: true, lazy: () => import("./screens/home/page") },
  { path: "work", lazy: () => import("./screens/worklist/page") },
  { path: "studies", lazy: () => import("./screens/studies/page") },
  { path: "upload", lazy: () => import("./screens/upload/page") },
  { path: "consults/new", lazy: () => import("./screens/consult/create") },
  { path: "consults/:id/edit", lazy: () => import("./screens/consult/create") },
  { path: "consults/:id", lazy: () => import("./screens/consult/page") },
  { path: "referrals/new", lazy: () => import("./screens/referral/create") },
  { path: "referrals/:id/edit", lazy: () => import("./screens/referral/create") },
  { path: "referrals/:id", lazy: () => import("./screens/referral/page") },
  { path: "teaching", lazy: () => import("./screens/teaching/list") },
  { path: "teaching/new", lazy: () => import("./screens/teaching/create") },
  { path: "teaching/:id/edit", lazy: () => import("./screens/teaching/create") },
  { path: "teaching/:id", lazy: () => import("./screens/teaching/page") },
  { path: "audit", lazy: () => import("./screens/audit/page") },
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
