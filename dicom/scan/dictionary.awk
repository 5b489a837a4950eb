# Makes the table of dictionary.c from DCMTK's data dictionary (tab-separated: tag, VR, name, VM, version): lines
# {0xGGGGEEEE, "VR"} to be sorted by tag, public tags only. Repeating groups are entered with their first group (5000, 6000).
# The dictionary's own pseudo VRs are settled here: ox px lt -> OW, up -> UL, xs stays (PixelRepresentation decides), na is left out.
BEGIN { FS = "\t" }
/^\([0-9A-Fa-f]/ {
    tag = toupper(substr($1, 2, length($1) - 2)); vr = $2
    split(tag, part, ",")
    group = substr(part[1], 1, 4); element = substr(part[2], 1, 4)
    if (group == "0000" || group == "FFFE" || vr == "na") next
    if (vr == "ox" || vr == "px" || vr == "lt") vr = "OW"
    if (vr == "up") vr = "UL"
    if (seen[group element]++) next
    print "{0x" group element ", \"" vr "\"},"
}
