-- What pandoc itself does not carry from HTML to DOCX and Typst: the title, named styles, a tab, alternative texts.
local typst = FORMAT == 'typst'
local LONG = 1500 -- bytes: a row that is longer may be broken over two pages

local function wrapped(before, blocks)
  local found = pandoc.Blocks{pandoc.RawBlock('typst', before .. '[')}
  found:extend(blocks)
  found:insert(pandoc.RawBlock('typst', ']'))
  return found
end

local function quoted(text)
  return '"' .. text:gsub('\\', '\\\\'):gsub('"', '\\"') .. '"'
end

local function header(element)
  if element.level == 1 then
    return pandoc.Div(pandoc.Para(element.content), {['custom-style'] = 'Title'})
  end
  element.level, element.identifier = element.level - 1, ''
  return element
end

local function span(element)
  if element.classes:includes('tab') then
    return typst and pandoc.RawInline('typst', '#h(1fr)') or pandoc.RawInline('openxml', '<w:r><w:tab/></w:r>')
  end
end

local function div(element)
  local style = element.attributes['custom-style']
  if typst and element.classes:includes('at-bottom') then
    return wrapped('#at-bottom', element.content)
  elseif typst and style then
    return wrapped('#styled(' .. quoted(style) .. ')', element.content)
  end
end

local function image(element)
  if typst then
    local name, words = quoted(element.src), quoted(pandoc.utils.stringify(element.caption))
    return pandoc.RawInline('typst', '#image(' .. name .. ', width: 100%, alt: ' .. words .. ')')
  end
end

local SIDES = {AlignCenter = 'center', AlignRight = 'right'}

local function dress(rows)
  for _, row in ipairs(rows) do
    for _, cell in ipairs(row.cells) do
      cell.attr.attributes['typst:align'] = (SIDES[cell.alignment] or 'left') .. ' + horizon'
      cell.alignment = 'AlignDefault'
      if #pandoc.utils.stringify(cell.contents) > LONG then
        cell.attr.attributes['typst:breakable'] = 'true'
      end
    end
  end
end

local function table_(element)
  if not typst then return end
  dress(element.head.rows)
  for _, body in ipairs(element.bodies) do dress(body.body) end
  if #element.head.rows > 0 then return wrapped('#headed', {element}) end
end

return {{Header = header}, {Span = span, Div = div, Image = image, Table = table_}}
