// The frame around every work screen: rail and top bar on a desk, bottom bar on a phone.
import {
  AuditOutlined, BookOutlined, CloudUploadOutlined, FileImageOutlined, LogoutOutlined, SolutionOutlined, UserOutlined,
} from "@ant-design/icons";
import { useQueryClient } from "@tanstack/react-query";
import { Button, Dropdown } from "antd";
import { type ReactNode, Suspense } from "react";
import { useTranslation } from "react-i18next";
import { NavLink, Outlet, useNavigate } from "react-router";
import { api, watchSession } from "../api/client";
import { hasRole, isClinical, type Session } from "../api/session";
import { signOutEverywhere } from "../api/live";
import { Data } from "./Data";
import { LiveDot } from "./LiveDot";
import { Mark } from "./Mark";
import { Rows } from "./states";
import { useSession } from "./session-context";
import { usePhone } from "./use-phone";

interface Entry {
  to: string;
  text: "work" | "studies" | "upload" | "teaching" | "audit" | "profile";
  icon: ReactNode;
}

function entriesOf(session: Session): Entry[] {
  const entries: Entry[] = [];
  if (isClinical(session)) {
    entries.push({ to: "/work", text: "work", icon: <SolutionOutlined /> });
    entries.push({ to: "/studies", text: "studies", icon: <FileImageOutlined /> });
    entries.push({ to: "/upload", text: "upload", icon: <CloudUploadOutlined /> });
  }
  entries.push({ to: "/teaching", text: "teaching", icon: <BookOutlined /> });
  if (hasRole(session, "auditor")) entries.push({ to: "/audit", text: "audit", icon: <AuditOutlined /> });
  return entries;
}

function Entries({ entries }: { entries: Entry[] }) {
  const { t } = useTranslation();
  return entries.map(({ to, text, icon }) => (
    <NavLink key={to} to={to} className="nav-entry">
      <span className="nav-icon" aria-hidden>{icon}</span>
      <span className="nav-text">{t(`nav.${text}`)}</span>
    </NavLink>
  ));
}

export function Component() {
  const { t } = useTranslation();
  const session = useSession();
  const phone = usePhone();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const entries = entriesOf(session);

  async function signOut() {
    watchSession(false);
    signOutEverywhere();
    await api.DELETE("/session").catch(() => undefined); // the next step forgets it here in any case
    queries.clear();
    await navigate("/sign-in");
  }

  return (
    <div className="shell">
      <a className="skip" href="#main">{t("nav.skip")}</a>
      <header className="top">
        <NavLink to="/" className="brand" title={t("app.home")}>
          <Mark size={26} />
          <span className="brand-name" translate="no">Consilium</span>
        </NavLink>
        <span className="top-org"><Data>{session.organisation.name}</Data></span>
        <span className="top-gap" />
        <LiveDot />
        <Dropdown
          trigger={["click"]}
          menu={{
            items: [
              { key: "profile", icon: <UserOutlined />, label: t("nav.profile") },
              { key: "out", icon: <LogoutOutlined />, label: t("nav.signOut") },
            ],
            onClick: ({ key }) => void (key === "out" ? signOut() : navigate("/profile")),
          }}
        >
          <Button type="text" icon={<UserOutlined aria-hidden />} title={t("nav.account")} className="account">
            <Data>{session.person.name}</Data>
          </Button>
        </Dropdown>
      </header>
      <nav className={phone ? "bottom-bar" : "rail"} aria-label={t("nav.label")}>
        <Entries entries={entries} />
      </nav>
      <div className="content">
        <Suspense fallback={<Rows />}>
          <Outlet />
        </Suspense>
      </div>
    </div>
  );
}
