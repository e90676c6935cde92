"""`dumpsys`: the parts of its reports that adb libraries read, in the services that a virtual phone has."""

from __future__ import annotations

import time

from runner.virtual.packages import ADB_KEYBOARD_IME
from runner.virtual.shell import Process, ToolError, command

DISPLAY_ID = "4619827259835644672"


@command("dumpsys")
async def dumpsys(p: Process) -> int:
    args = [word for word in p.args if word not in ("-t", "10")]
    if args == ["-l"]:
        p.print("Currently running services:")
        for name in sorted(_DUMPS):
            p.print(f"  {name}")
        return 0
    service = args[0] if args else ""
    if service not in _DUMPS:
        raise ToolError(f"Can't find service: {service}", 0)
    p.print(_DUMPS[service](p, args[1:]))
    return 0


def _record(p: Process) -> tuple[str, str, int]:
    """(package/activity, a stable hash, pid) of what is in front."""
    phone = p.phone
    package = phone.foreground
    component = f"{package}/{phone.packages[package].activity}"
    return component, f"{hash(component) & 0xFFFFFFF:x}", phone.pid(package) or 0


def _dump_window(p: Process, args: list[str]) -> str:
    component, tag, _ = _record(p)
    focus = f"Window{{{tag} u0 {component}}}"
    if p.phone.active_package != p.phone.foreground:
        focus = f"Window{{{tag} u0 {_dialog_title(p.phone.active_package)}}}"
    if not p.phone.screen_on:
        focus = "null"
    return (
        "WINDOW MANAGER WINDOWS (dumpsys window windows)\n"
        f"  Window #0 Window{{{tag} u0 {component}}}:\n"
        f"    mDisplayId=0 mSession=Session{{{tag}}} mOwnerUid=10210 showForAllUsers=false\n"
        f"  mGlobalConfiguration={{1.0 {p.phone.language} ldltr sw411dp {p.phone.density}dpi port}}\n"
        "  mInputMethodWindow=Window{1d2c3b u0 InputMethod}\n"
        f"  mCurrentFocus={focus}\n"
        f"  mFocusedApp=ActivityRecord{{{tag} u0 {component} t12}}\n"
        f"  mAwake={str(p.phone.screen_on).lower()}"
    )


def _dialog_title(package: str) -> str:
    if "permissioncontroller" in package:
        return f"{package}/com.android.permissioncontroller.permission.ui.GrantPermissionsActivity"
    return f"Application Error: {package}" if package == "android" else f"{package}/{package}.Dialog"


def _dump_activity(p: Process, args: list[str]) -> str:
    component, tag, pid = _record(p)
    view = args[0] if args else "activities"
    if view == "top":
        return (
            f"TASK {component.partition('/')[0]} id=12 userId=0\n"
            f"  ACTIVITY {component} {tag} pid={pid}\n"
            "    Local Activity 1a2b3c State:\n      mResumed=true mStopped=false mFinished=false"
        )
    if view in ("activities", "a"):
        return (
            "ACTIVITY MANAGER ACTIVITIES (dumpsys activity activities)\n"
            "Display #0 (activities from top to bottom):\n"
            f"  * Task{{{tag} #12 type=standard A=10210:{component.partition('/')[0]}}}\n"
            f"    mResumedActivity: ActivityRecord{{{tag} u0 {component} t12}}\n"
            f"  topResumedActivity=ActivityRecord{{{tag} u0 {component} t12}}"
        )
    if view in ("recents", "processes", "services", "broadcasts", "intents"):
        return f"ACTIVITY MANAGER {view.upper()} (dumpsys activity {view})\n  (nothing)"
    return f"Bad activity command, or no activities match: {view}"


def _dump_display(p: Process, args: list[str]) -> str:
    phone = p.phone
    size = f"{phone.width} x {phone.height}"
    return (
        "DISPLAY MANAGER (dumpsys display)\n"
        f"  mStableDisplaySize=Point({phone.width}, {phone.height})\n"
        "  mViewports=[DisplayViewport{type=INTERNAL, valid=true, isActive=true, displayId=0, "
        f"uniqueId='local:{DISPLAY_ID}', physicalPort=0, orientation=0, "
        f"logicalFrame=Rect(0, 0 - {phone.width}, {phone.height}), "
        f"physicalFrame=Rect(0, 0 - {phone.width}, {phone.height}), "
        f"deviceWidth={phone.width}, deviceHeight={phone.height}}}]\n"
        f'    mBaseDisplayInfo=DisplayInfo{{"Built-in Screen", displayId 0, real {size}, rotation 0, '
        f"state {'ON' if phone.screen_on else 'OFF'}, density {phone.density}}}"
    )


def _dump_battery(p: Process, args: list[str]) -> str:
    return (
        "Current Battery Service state:\n"
        "  AC powered: false\n  USB powered: true\n  Wireless powered: false\n"
        "  Dock powered: false\n  Max charging current: 500000\n  Max charging voltage: 5000000\n"
        "  Charge counter: 3520000\n  status: 2\n  health: 2\n  present: true\n  level: 80\n  scale: 100\n"
        "  voltage: 4183\n  temperature: 271\n  technology: Li-ion"
    )


def _dump_power(p: Process, args: list[str]) -> str:
    on = p.phone.screen_on
    return (
        "POWER MANAGER (dumpsys power)\n\nPower Manager State:\n"
        f"  mWakefulness={'Awake' if on else 'Asleep'}\n"
        "  mIsPowered=true\n  mPlugType=2\n  mBatteryLevel=80\n"
        f"  mHoldingWakeLockSuspendBlocker=false\n  mHoldingDisplaySuspendBlocker={str(on).lower()}\n"
        f"Display Power: state={'ON' if on else 'OFF'}"
    )


def _dump_input_method(p: Process, args: list[str]) -> str:
    phone = p.phone
    shown = phone.keyboard_shown or (phone.input_method == ADB_KEYBOARD_IME and phone.focused() is not None)
    return (
        "Current Input Method Manager state:\n"
        f"  mCurMethodId={phone.input_method}\n"
        f"  mShowRequested={str(shown).lower()} mInputShown={str(shown).lower()}"
    )


def _dump_surface_flinger(p: Process, args: list[str]) -> str:
    return f'Display {DISPLAY_ID} (HWC display 0): port=0 pnpId=GGL displayName="Common Panel"'


def _dump_package(p: Process, args: list[str]) -> str:
    name = args[0] if args else ""
    package = p.phone.packages.get(name)
    if package is None:
        return f"Dexopt state:\n  Unable to find package: {name}"
    moment = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(package.installed))
    uid = 10210 + list(p.phone.packages).index(name)
    lines = [
        "Packages:",
        f"  Package [{name}] ({uid:x}):",
        f"    userId={uid}",
        f"    codePath={package.apk_path.rpartition('/')[0]}",
        f"    versionCode={package.version_code} minSdk=23 targetSdk={package.target_sdk}",
        f"    versionName={package.version}",
        f"    signatures=PackageSignatures{{b1 version:2, signatures:[{package.signature}]}}",
        f"    pkgFlags=[ {'SYSTEM ' if package.system else ''}HAS_CODE ALLOW_CLEAR_USER_DATA ]",
        f"    firstInstallTime={moment}",
        f"    lastUpdateTime={moment}",
        "    runtime permissions:",
    ]
    lines += [
        f"      {permission}: granted={str(package.granted.get(permission, False)).lower()}, flags=[]"
        for permission in package.runtime_permissions
    ]
    return "\n".join(lines)


_DUMPS = {
    "SurfaceFlinger": _dump_surface_flinger,
    "activity": _dump_activity,
    "battery": _dump_battery,
    "display": _dump_display,
    "input_method": _dump_input_method,
    "package": _dump_package,
    "power": _dump_power,
    "window": _dump_window,
}
