// Name and password, with a second factor when the account has one; used by the sign-in page and by the dialog that
// comes up over a page whose session has ended.
import { WarningOutlined } from "@ant-design/icons";
import { Alert, Button, Form, Input, type InputRef } from "antd";
import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ApiError, take, watchSession } from "../api/client";
import type { Session } from "../api/session";

interface Fields {
  login: string;
  password: string;
  otp?: string;
}

/** Counts down from the hub's Retry-After. */
function useCountdown(): [number, (seconds: number) => void] {
  const [until, setUntil] = useState(0);
  const [now, setNow] = useState(0);
  useEffect(() => {
    if (until === 0) return;
    const timer = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(timer);
  }, [until]);
  const left = Math.max(0, Math.ceil((until - now) / 1000));
  useEffect(() => {
    if (until !== 0 && left === 0) setUntil(0);
  }, [until, left]);
  return [until === 0 ? 0 : left, (seconds) => {
    setNow(Date.now());
    setUntil(Date.now() + seconds * 1000);
  }];
}

export function SignInForm({ login, onDone }: { login?: string; onDone: (session: Session) => void }) {
  const { t } = useTranslation();
  const [busy, setBusy] = useState(false);
  const [capsLock, setCapsLock] = useState(false);
  const [wantsCode, setWantsCode] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const [wait, startWait] = useCountdown();
  const password = useRef<InputRef>(null);
  const [form] = Form.useForm<Fields>();

  const watchCaps = (event: KeyboardEvent) => setCapsLock(event.getModifierState("CapsLock"));

  async function submit(fields: Fields) {
    setBusy(true);
    setError(null);
    try {
      const body = { login: fields.login.trim(), password: fields.password, ...(fields.otp ? { otp: fields.otp.trim() } : {}) };
      watchSession(false);
      const session = await take(api.POST("/session", { body }));
      watchSession(true);
      onDone(session);
    } catch (caught) {
      const failure = caught instanceof ApiError ? caught : new ApiError("internal", 0);
      setError(failure);
      if (failure.status === 429) startWait(failure.retryAfter ?? 30);
      if (failure.problem?.errors?.some((e) => e.field === "otp")) setWantsCode(true);
      form.setFieldValue("password", "");
      password.current?.focus();
    } finally {
      setBusy(false);
    }
  }

  function message(failure: ApiError): string {
    if (failure.code === "offline") return t("signin.unreachable");
    if (failure.status === 429) return wait > 0 ? t("signin.throttled", { seconds: wait }) : t("signin.throttledOver");
    if (failure.status === 401) return wantsCode ? t("signin.wrongCode") : t("signin.wrong");
    return t(`error.${failure.code}`);
  }

  return (
    <Form<Fields> form={form} layout="vertical" requiredMark={false} initialValues={{ login }} onFinish={(f) => void submit(f)}>
      {error && (
        <Form.Item>
          <Alert type={error.code === "offline" ? "warning" : "error"} showIcon role="alert" title={message(error)} />
        </Form.Item>
      )}
      <Form.Item name="login" label={t("signin.login")} rules={[{ required: true, message: t("signin.loginMissing") }]}>
        <Input autoComplete="username" autoCapitalize="none" spellCheck={false} autoFocus={!login} size="large" maxLength={64} disabled={Boolean(login)} />
      </Form.Item>
      <Form.Item
        name="password"
        label={t("signin.password")}
        rules={[{ required: true, message: t("signin.passwordMissing") }]}
        extra={capsLock && <span className="caps" role="status"><WarningOutlined aria-hidden /> {t("signin.capsLock")}</span>}
      >
        <Input.Password ref={password} autoComplete="current-password" size="large" maxLength={1024} autoFocus={Boolean(login)} onKeyDown={watchCaps} onKeyUp={watchCaps} onBlur={() => setCapsLock(false)} />
      </Form.Item>
      {wantsCode ? (
        <Form.Item name="otp" label={t("signin.code")}>
          <Input inputMode="numeric" autoComplete="one-time-code" size="large" maxLength={16} />
        </Form.Item>
      ) : (
        <Button type="link" className="code-link" onClick={() => setWantsCode(true)}>{t("signin.haveCode")}</Button>
      )}
      <Button type="primary" htmlType="submit" size="large" block loading={busy} disabled={wait > 0}>
        {t("signin.submit")}
      </Button>
    </Form>
  );
}
